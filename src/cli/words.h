/* Every sentence the command line says, in both languages, in one table: a missing one does not compile. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#define CLI_WORDS(X)                                                                               \
    X(W_USAGE, "使い方", "usage")                                                                  \
    X(W_TRY, "次に", "try")                                                                        \
    X(W_AT, "場所", "at")                                                                          \
    X(W_WOULD_PRUNE, "消える記録データ（まだ何も変えていません）", "would be given up (nothing was changed)") \
    X(W_PRUNED, "中身を消しました。証明は残ります", "given up; their proofs stay") \
    X(W_ERASED, "記録データは読めなくなりました。証明は残ります", "recorded data can no longer be read; its proofs stay") \
    X(W_UNKNOWN_COMMAND, "その命令はありません", "no such command")                               \
    X(W_MEANT, "もしかして", "did you mean")                                                      \
    X(W_NO_DAEMON, "関守が動いていません（または状態フォルダが違います）", "sekimori is not running here (or the state directory is another)") \
    X(W_NO_DAEMON_TRY, "sekimorid を起動するか、--state で場所を示してください", "start sekimorid, or name the place with --state") \
    X(W_FILE, "ファイルを読めません", "cannot read the file")                                     \
    X(W_WRITE, "ファイルに書けません", "cannot write the file")                                   \
    X(W_EXISTS, "すでにあります。上書きはしません", "exists already; nothing is overwritten")      \
    X(W_YAML, "YAMLとして読めません", "is not YAML")                                              \
    X(W_MODEL_GOOD, "モデルに誤りはありません", "the model has no error")                         \
    X(W_KEY, "鍵を読めません", "cannot read the key")                                             \
    X(W_SIGNED, "署名しました", "signed")                                                         \
    X(W_WANTING, "まだ必要な署名", "still wanted")                                                \
    X(W_COMPLETE, "必要な署名が揃いました", "all signatures are there")                           \
    X(W_APPLIED, "反映しました", "applied")                                                       \
    X(W_DRY_RUN, "試行のみ：何も変えていません", "dry run: nothing was changed")                   \
    X(W_UNKNOWN_FLAG, "この命令にない指定です", "no such flag of this command")                    \
    X(W_LANG_IS, "--lang：ja か en", "--lang: ja or en")                                           \
    X(W_OUTPUT_IS, "-o：table か json", "-o: table or json")                                       \
    X(W_TOO_MANY_WORDS, "余分な言葉があります", "one word too many")                              \
    X(W_NO_CONDITION, "モデルにない条件です", "no such condition in the model")                     \
    X(W_NEED, "指定が必要です", "is needed")                                                      \
    X(W_NO_ROOM, "まだありません", "none yet")                                                    \
    X(W_ASOF, "時点", "as of")                                                                    \
    X(W_ONE_TOPIC, "--every は一つのデータ種別だけに使えます", "--every takes one topic, not a filter")                    \
    X(W_NO_POINTS, "この期間の記録はありません", "nothing was recorded of it in this time")                       \
    X(W_TIME_IS, "時刻は 2026-01-31T00:00:00Z の形か、さかのぼる長さ（30m、24h、7d）です", "a time like 2026-01-31T00:00:00Z, or how far back (30m, 24h, 7d)") \
    X(W_EVERY_IS, "区間は 1m、15m、1h、1d のような長さです（最大 10,000 区間）", "an interval like 1m, 15m, 1h, 1d (at most 10,000 of them)") \
    X(W_GIVEN_UP, "保存期間または消去により読めない記録", "entries that were given up (retention, erasure)")           \
    X(W_NO_DATA, "（記録なし）", "(nothing recorded)")                                              \
    X(W_NO_STORY, "この機器は記録に一度も現れません", "the record never speaks of this device")                    \
    X(W_BY, "実施者", "by")                                                                           \
    X(W_BACKUP_MADE, "バックアップしました（検証済み）", "backed up, and verified")                              \
    X(W_BACKUP_NEEDS, "復元には保管庫の根の鍵が要ります。媒体と鍵は別の場所に置いてください", "a restore needs the root key in custody: keep the medium and that key in different places") \
    X(W_REPORT_DUE, "未送付", "due") \
    X(W_REPORT_SENT, "送付済み", "sent") \
    X(W_REPORT_SENT_LATE, "送付済み（期限後）", "sent late") \
    X(W_REPORT_MISSED, "期限切れ・未送付", "missed") \
    X(W_REPORT_WAIVED, "該当なし", "does not apply") \
    X(W_REPORTS_OWED, "送るべき報告", "reports owed") \
    X(W_MANUAL, "手動運転", "manual operation") \
    X(W_NOTICED, "認知日時", "noticed") \
    X(W_ALERT, "警報", "alert") \
    X(W_FROZEN, "凍結した証跡記録", "record frozen at") \
    X(W_LOSS, "実際の損失", "actual loss") \
    X(W_TIMELINE, "経過", "timeline") \
    X(W_NO_INCIDENT, "その事案はありません", "no such incident") \
    X(W_NO_DUTY, "その報告はありません", "no such report") \
    X(W_VIEW_IS, "--view：operator（事業者）か maker（製造者）", "--view: operator or maker") \
    X(W_SITE, "事業者・サイト", "site") \
    X(W_REPORT_TO, "報告先", "to") \
    X(W_REPORT_BY, "報告する者", "sent by") \
    X(W_REPORT_NUMBER, "事案番号", "incident") \
    X(W_REPORT_WHAT, "概要", "what happened") \
    X(W_REPORT_OPENED, "対応開始", "opened") \
    X(W_REPORT_MANUAL, "手動運転の内容", "how it is run by hand") \
    X(W_REPORT_CLOSED, "終結", "closed") \
    X(W_REPORT_FOUND, "原因・結果", "cause, outcome") \
    X(W_REPORT_NONE, "なし", "none") \
    X(W_REPORT_UNKNOWN, "調査中", "not known yet") \
    X(W_REPORT_CONTACT, "連絡先（記入）", "contact (by hand)") \
    X(W_REPORT_SOURCE, "根拠", "why it is due") \
    X(W_REPORT_CHECK, "この様式と期限は未確認です。報告先の最新の様式を確かめてください。", "Form and time are not confirmed: check the addressee's own form.") \
    X(W_PACK_MADE, "監査資料を作りました（検証済み）", "made an audit pack, and verified it") \
    X(W_PACK_CHOSEN, "記録が多いため、選ばれた記録のみです。抜けがないことは証跡記録の写し全体で確かめます。短い期間に分けると完全になります", "too many entries: chosen ones only. That none is left out, a copy of the whole record tells; shorter periods are complete") \
    X(W_PACK_OPEN, "期間の後の記録がまだ署名されていません。確定した資料は期間の後に作ってください", "no entry after the period is signed yet; make the final one after the period") \
    X(W_NO_HEAD, "署名された要約値がまだありません（数秒おいてください）", "no signed head yet (wait some seconds)") \
    X(W_OTHER_RECORD, "--after の資料は別の証跡記録のもの（または、より新しいもの）です", "the --after pack is of another record (or a newer one)") \
    X(W_DAY_IS, "日付は 2026-04-01、時刻は 2026-04-01T00:00:00Z の形で、始まりは終わりより前です", "a day like 2026-04-01 or a time like 2026-04-01T00:00:00Z; the beginning before the end") \
    X(W_FILES, "ファイル", "files")                                                                  \
    X(W_CUSTODY_IS, "--custody には、init が保管用に作った root.key（またはその入っているフォルダー）を指定します", "--custody is the root.key (or its folder) that init made for custody") \
    X(W_BOX_SHUT, "この鍵では開けません（別の鍵か、改変されています）", "this key does not open it (another key, or it was changed)") \
    X(W_BOX_OPENS, "保管庫の鍵で開けました", "the key in custody opens it")                                      \
    X(W_NOT_THE_SITE, "中の証明書が保管庫の鍵で署名されていません。このサイトのものではありません", "the certificate inside was not signed by the key in custody: it is not this site's") \
    X(W_OTHER_ROOT, "別のサイトの鍵です", "that is another site's key")                                         \
    X(W_CERTIFICATE_SITE, "機器の入口", "devices' doors")                                          \
    X(W_CERTIFICATE_WEB, "人の入口", "people's door")                                              \
    X(W_CERTIFICATE_NONE, "持ち込んだ証明書はありません（サイト自身の証明書を示しています）", "none was brought (the site's own is shown)") \
    X(W_CERTIFICATE_NO_KEY, "この証明書の鍵がありません。先に request で作るか --key で示してください", "no key for it: make one by request first, or name it by --key") \
    X(W_CERTIFICATE_OTHER_KEY, "証明書と鍵が対になっていません", "certificate and key do not belong together") \
    X(W_CERTIFICATE_KIND, "鍵は P-256（prime256v1）だけです。request で作った鍵なら合います", "the key must be P-256 (prime256v1); one made by request is") \
    X(W_CERTIFICATE_NO_NAME, "証明書に名前（subjectAltName）がなく、ブラウザーは受け入れません", "it has no names (subjectAltName): no browser takes it") \
    X(W_CERTIFICATE_BROKEN, "鍵または証明書（PEM、サイトの証明書が先頭）が読めません", "key or certificates cannot be read (PEM, the site's own first)") \
    X(W_CERTIFICATE_DATES, "証明書の期間外です", "it is not valid today")                        \
    X(W_CERTIFICATE_NOT_SHOWN, "保存しましたが、まだ示されていません", "it was stored, but is not shown yet") \
    X(W_DOC_CERTIFICATE, "人の入口の証明書（残り14日以上）", "certificate of the people's door (14 days left)") \
    X(W_NO_USER, "その利用者はこの計算機にいません", "no such user on this machine")                            \
    X(W_RESTORED, "復元しました", "restored")                                                          \
    X(W_WOULD_RESTORE, "復元できます（まだ何も書いていません）", "can be restored (nothing was written)")               \
    X(W_NO_DATA_KEYS, "データ鍵は入っていません。記録された測定値の中身は読めません（証明はできます）", "without data keys: recorded readings cannot be read, only proved") \
    X(W_AFTER_RESTORE, "このバックアップより後の記録は失われています。元のサイトは二度と起動しないでください。次に：", "what was recorded after this backup is lost. Never start the old site again. Next:") \
    X(W_DOC_BACKUP, "バックアップ（7日以内）", "backup (7 days)")                                             \
    X(W_DEVICE_SHARE, "過負荷：機器ごとに送れる測定値を制限しています（1秒あたりの上限。指令・警報は対象外）", "overload: each device may send only so many readings a second (commands and alarms are exempt)") \
    X(W_OVERLOAD, "過負荷：より重要な任務のデータを先に通し、その他は後回しにしています（起動からの後回し件数）", "overload: data of the more important missions goes first, the rest is told to come later (told so since start)") \
    X(W_CA_ISSUES, "発行中", "issues") \
    X(W_CA_FORMER, "前の局", "former") \
    X(W_CA_LEFT, "まだ移っていない機器（廃止すると切断される）", "devices that have not moved (retiring cuts them off)") \
    X(W_CA_TO_MOVE, "これから更新する証明書", "certificates that will be renewed") \
    X(W_CA_STILL_ROLLING, "前の認証局がまだ信頼されています。先に廃止してください", "the former CA is still trusted: retire it first") \
    X(W_CA_NO_FORMER, "その鍵の前の認証局はありません", "no former CA has this key") \
    X(W_CA_LEFT_DIFFERS, "移っていない機器の数が --left と違います。切断してよければその数を書いてください", "--left is not the number of devices that have not moved: state it if they may be cut off") \
    X(W_CA_GOOD, "有効", "good") \
    X(W_CA_ENDED, "失効", "ended") \
    X(W_LIMITS, "制限", "limits")                                                                 \
    X(W_HELD, "承認待ち保留", "held for release")                                                 \
    X(W_DECISION, "判断（決裁）", "decision")                                                     \
    X(W_BLOCKED_HEAD, "止めたもの            件数    送った  無害    未送   根拠と終わり", "by                   blocked  let go harmless unsent  authority, until") \
    X(W_NOTHING_BLOCKED, "止めたものはありません", "nothing was blocked") \
    X(W_FOUND_HARMLESS, "無害だったと記録しました", "recorded as found harmless") \
    X(W_BY_GRANTS, "許可の定め（システム責任者が署名。次の定めまで）", "the policy of grants (signed by the asset owner; until the next one)") \
    X(W_BY_STREAM, "データ種別の宣言（その所有者。次の宣言まで）", "the stream's declaration (its owner; until the next one)") \
    X(W_BY_ORDER, "隔離の命令（解くまで）", "an order of quarantine (until it is lifted)") \
    X(W_BY_AGREEMENT, "相互連携の合意（その期限まで）", "the agreement with a peer (until its end)") \
    X(W_BY_RULE, "定まった規則（docs/streams.ja.md、docs/mqtt.md）", "a fixed rule (docs/streams.md, docs/mqtt.md)") \
    X(W_WAITS_SECOND, "二人目の承認待ち：sekimori command approve", "waits for a second person: sekimori command approve") \
    X(W_WAITS_SIGNED, "二人の署名待ち：sekimori limit release", "waits for two people's signatures: sekimori limit release") \
    X(W_NO_HOLD, "承認を待つ指令にその番号はありません", "no such command waits") \
    X(W_TOOL, "道具（登録コードで本人に結び付けた資格情報）", "tool (a credential tied to the person by its invite)") \
    X(W_SENT_BY_PERSON, "送信した人", "sent by") \
    X(W_NAMES_COMPARED, "送信者か承認者が誰なのか登録されていないため、名前だけを比べました", "who the sender or the approver is was not said: names alone were compared") \
    X(W_COMMAND_SENT, "承認され、一度だけ送りました", "approved; sent, once") \
    X(W_COMMAND_DROPPED, "取り下げました。届きません", "refused; it will not be delivered") \
    X(W_AT_STAKE, "いま懸かっているもの", "at stake now")                                         \
    X(W_UNTIL, "まで", "until")                                                                   \
    X(W_BECAUSE, "理由", "because")                                                               \
    X(W_SITE_ID, "--site：英小文字・数字・ハイフン、63字まで", "--site: small letters, digits and '-', at most 63") \
    X(W_INIT_DONE, "サイトを作りました", "the site is made")                                      \
    X(W_INIT_CUSTODY, "根の鍵（普段は使いません。取り外して金庫へ）", "root key (not used daily: take it off this machine, into a safe)") \
    X(W_INIT_ROLES, "三者の鍵（三人が一つずつ持ち、この機械に残さない）", "the three roles' keys (one for each person; none stays on this machine)") \
    X(W_INIT_FIREWALL, "開ける通信口", "open in the firewall")                                    \
    X(W_INIT_NEXT, "sekimorid --state %s を起動", "start sekimorid --state %s")                   \
    X(W_INVITE, "登録コード（一度だけ、期限まで有効。秘密として渡す）", "invite (valid once, until then; hand it over as a secret)") \
    X(W_INVITE_NEXT, "機器で sekimori-agent join 'URL'", "on the device: sekimori-agent join 'URL'") \
    X(W_LOGIN, "この機械のブラウザで開く（10分、一度だけ）", "open in a browser on this machine (10 minutes, once)") \
    X(W_PERSON_LINK, "本人に渡す（24時間、一度だけ。この機械で開くとき／よそから開くとき）", "hand to the person (24 hours, once; on this machine / from elsewhere)") \
    X(W_DEPUTY, "代理", "deputy")                                                                 \
    X(W_NO_PASSKEY, "この人はパスキーを登録していません", "this person has registered no passkey") \
    X(W_PASSKEYS, "パスキー", "passkeys")                                                         \
    X(W_PASSWORD_SET, "パスワードあり", "password set")                                           \
    X(W_PASSWORD_NONE, "パスワードなし", "no password")                                           \
    X(W_TOKEN_ONCE, "トークン（いま一度だけ表示。秘密として渡す）", "token (shown this once; hand it over as a secret)") \
    X(W_VERIFIED, "検証しました：変更・欠落はありません", "verified: nothing changed, nothing missing") \
    X(W_NOT_VERIFIED, "検証できません", "verification failed")                                    \
    X(W_LABEL, "区分", "label")                                                                   \
    X(W_REDUCED, "簡約", "reduced to")                                                            \
    X(W_NOT_DERIVED, "ほかから作られたものではありません（機器が発信）", "is not derived: devices publish it")  \
    X(W_MADE_OF, "もとの記録", "made of entries")                                                 \
    X(W_LEFT_OUT, "除外（印付き・数でない）", "left out (marked, or no number)")                  \
    X(W_NOT_TO_BE_READ, "読めない記録（許可がない、または破棄済み）", "not to be read (no grant, or given up)")  \
    X(W_ENTRIES, "件", "entries")                                                                 \
    X(W_HEAD, "要約値", "head")                                                                   \
    X(W_TAIL, "うち署名前の末尾", "of them after the signed head")                                \
    X(W_OWN_KEY, "記録自身の公開鍵で確認（別に控えた鍵を --key で渡すと確実）", "checked with the record's own key (pass the key you noted with --key to be sure)") \
    X(W_REPLAY_SAME, "再計算した結果は記録と同じです", "the recomputed result equals the record")  \
    X(W_REPLAY_DIFFERS, "再計算した結果が記録と違います", "the recomputed result differs from the record") \
    X(W_ACCESS_CHANGES, "許可が変わる件数", "changes of access")                                   \
    X(W_RELEASED, "二人の承認により一度だけ送りました", "released once, by two people")           \
    X(W_FINE, "正常", "ok")                                                                         \
    X(W_CHECK_YET, "まだ分かりません", "cannot be told yet")                                     \
    X(W_BAD, "要対応", "needs attention")                                                         \
    X(W_CHANGED, "変更された", "changed")                                                         \
    X(W_MISSING, "欠落", "missing")                                                               \
    X(W_INHERENT, "対策前", "without controls")                                                    \
    X(W_RESIDUAL, "残存", "residual")                                                              \
    X(W_POTENTIAL, "既存対策を全て働かせた場合", "if all that is owned worked")                    \
    X(W_DESIGNED, "設計どおり全対策が働いた場合", "as designed, every control working")            \
    X(W_TOLERANCE, "許容限度", "tolerance")                                                        \
    X(W_EXPECTED, "平均的な見込み", "expected")                                                    \
    X(W_CAUTIOUS, "控えめに見た値", "decision figure")                                             \
    X(W_STOPS, "最低限を下回って許容時間を超える", "below the minimum for longer than tolerable")  \
    X(W_HOURS_LOST, "年間に失われる時間", "service hours lost a year")                             \
    X(W_STEPS, "何がどれだけ下げているか（対策の順に一つずつ）", "what takes away how much (one control after the other)") \
    X(W_MOVED, "前回の評価から動いたもの", "what moved since the assessment before")               \
    X(W_NOT_MOVED, "動いていません", "nothing moved")                                              \
    X(W_HANGS_ON, "この結果が懸かっている入力（よい端〜悪い端）", "inputs this result hangs on (good end to bad end)") \
    X(W_OPTIONS, "選択肢（年間費用、減る額、投資効果、残るリスク、残る停止）", "options (cost a year, saved, return, risk left, stops left)") \
    X(W_NET, "差引き最大の組合せ", "greatest net benefit")                                         \
    X(W_REACH, "許容限度に届く最小費用", "least cost to tolerance")                                \
    X(W_DUTY, "義務", "duty")                                                                      \
    X(W_SPEND, "目安：費用は年間想定損失の1/e以下（Gordon–Loeb）", "rule of thumb: spend at most 1/e of what is expected to be lost (Gordon-Loeb)") \
    X(W_THREATS, "脅威（段階、通り抜け、年間、NIST SP 800-30）", "threats (rank, gets through, a year, NIST SP 800-30)") \
    X(W_SHARE, "根拠：実測・申告・既定値", "rests on: measured, declared, default")               \
    X(W_REQUIRED, "許容限度に収めるのに欠かせない対策", "controls without which tolerance is not met") \
    X(W_REQUIRED_SMALL, "（これより安い組はない）", "(no cheaper set)")                            \
    X(W_REQUIRED_LEAN, "（どれも外せない組の一つ）", "(a set from which none can be left out)")    \
    X(W_NOT_ENOUGH, "設計の全対策が働いても許容限度に収まりません", "not even every control of this design meets tolerance") \
    X(W_NONE_NEEDED, "対策なしで許容限度内です", "within tolerance without any control")           \
    X(W_SUPPLIER_OVER, "納入業者の根拠が期限切れ", "supplier's evidence expired")                  \
    X(W_WITHIN, "許容限度内", "within tolerance")                                                  \
    X(W_OVER, "許容限度超過", "over tolerance")                                                    \
    X(W_YEARLY_RISK, "設計時の評価であり実測ではありません", "an assessment of a design; nothing was measured") \
    X(W_NOT_OF_MODEL, "評価がこのモデルのものではありません", "the assessment is not of this model") \
    X(W_NOT_ASSESSABLE, "モデルを評価できません", "the model cannot be assessed")                   \
    X(W_SET_WHAT, "--set：対策の実測割合 C2=0.95、または脅威の頻度 S1=F3", "--set: a control's proven share C2=0.95, or a threat's frequency S1=F3") \
    X(W_NO_DRAFT, "審議中にその番号の判断はありません", "no decision of this number is on its way")       \
    X(W_NO_THREAGILE, "Threagile のモデルではありません（technical_assets がない）", "not a Threagile model: no technical_assets") \
    X(W_IMPORT_ID, "英数字の id がないか、重なっています", "no id of letters and digits, or one given twice") \
    X(W_IMPORT_MANY, "多すぎます（資産は120、通信は240まで）", "too many: at most 120 assets and 240 links") \
    X(W_IMPORT_TARGET, "通信先（target）がモデルにありません", "the link's target is no asset of this model") \
    X(W_IMPORT_NOTHING, "対象となる資産（可用性が operational 以上）がありません", "no asset in scope is needed by anything: availability is archive or out of scope") \
    X(W_IMPORT_DONE, "グループ・区域・データの流れを取り込みました（任務の言葉・許容限度・損失・頻度は仮の値）", "groups, zones, flows imported (the mission's words, tolerance, losses and frequencies are placeholders)") \
    X(W_IMPORT_LEFT, "一つの機能が頼れるのは16まで。機能につないでいないグループ", "a function depends on at most sixteen groups; not joined to it") \
    X(W_OWNER_IS, "担当", "owner")                                                              \
    X(W_ACTION_DID, "実施", "done")                                                             \
    X(W_ACTION_EFFECT, "効果", "effect")                                                        \
    X(W_ACTION_COUNTS, "見直し時の対応中／期限超過／効果確認済み", "under way, late, found effective at the review") \
    X(W_ACTION_PROPOSED, "処置の候補（確認結果・判断・緊急アクセスから）", "what evidence, decisions and emergencies propose") \
    X(W_NO_OPTION, "モデルにない選択肢です", "no such option in the model")                          \
    X(W_NO_MISSION, "モデルにない任務です", "no such mission in the model")                          \
    X(W_TRIED, "試算", "tried")                                                                    \
    X(W_AS_IS, "いま", "as it is")                                                                 \
    X(W_NEW, "新しい条件", "new condition")                                                        \
    X(W_GONE, "なくなる条件", "condition gone")                                                    \
    X(W_CONDITIONS_SAME, "条件は変わりません", "conditions stay")                                  \
    X(W_EVIDENCE_LOST, "対象が変わり、確認し直しになる対策", "controls whose scope is another: to be proven anew") \
    X(W_NO_TEMPLATE, "その雛形はありません", "no such template")                                   \
    X(W_UNCONFIRMED, "（文言は原典で未確認）", " (wording not confirmed from the source)")          \
    X(W_BUDGET_IS, "--budget：年額（300万、1.2億、4500000 など）", "--budget: yen a year (4500000, 300万)") \
    X(W_BUDGET_DUTIES, "--budget：義務（duty）の選択肢だけで予算を超えます", "--budget: the duties alone cost more") \
    X(W_BUDGET_MANY, "--budget：選択肢が16を超えるモデルでは計算しません", "--budget: not for models with more than 16 options") \
    X(W_BUDGET_PLAN, "予算内で最もリスクを下げる組", "the best set within") \
    X(W_NO_EXPECTATION, "モデルのどの業務にも利用者の期待（expects）がありません", "no function of the model says what its users expect") \
    X(W_DIFFERENCE_IS, "--difference：役割:意見（mission-owner、asset-owner、executive。6件まで）", "--difference: ROLE:TEXT (mission-owner, asset-owner or executive; 6 at most)") \
    X(W_NO_CONFORMITY, "確認結果を項目に対応づけたもので、適合を主張しません。判断は人が行います", "evidence mapped to items; no conformity is claimed, people judge") \
    X(W_NOT_AN_ASSESSMENT, "評価のファイルではありません", "is not an assessment")                 \
    X(W_NO_GUIDELINE, "その指針は登録されていません", "no such guideline")                          \
    X(W_DOC_CLOCK, "時計", "clock")                                                               \
    X(W_DOC_DAEMON, "関守の応答", "the daemon answers")                                           \
    X(W_DOC_RECORD, "証跡記録", "record")                                                         \
    X(W_DOC_KEYS, "鍵ファイルの権限", "key files' permissions")                                   \
    X(W_DOC_CUSTODY, "根の鍵がこの機械にない", "the root key is off this machine")                \
    X(W_DOC_DISK, "空き容量", "free space")                                                       \
    X(W_DOC_DECISION, "判断の期限", "decision's end")                                             \
    X(W_DOC_MODEL, "任務モデル", "mission model")                                                 \
    X(W_NO_HEADINGS, "設備台帳の見出しが見つかりません", "has no heading line of an inventory")             \
    X(W_NO_CHARSET, "文字コードが分かりません（UTF-8、Shift_JIS、UTF-16のどれでもありません）", "is neither UTF-8, Shift_JIS nor UTF-16") \
    X(W_NO_TABLE, "表として読めません（引用符が閉じていないか、大きすぎます）", "cannot be read as a table (a quote without its end, or too large)") \
    X(W_HEADINGS_ARE, "1行目を見出しにしてください：設備番号, 名称, IPアドレス, MAC, 設置場所, 種別, 接続, 担当, ゲートウェイ, 機能, 等級", "make line 1 the headings: id, name, address, mac, place, kind, link, owner, gateway, function, grade") \
    X(W_LISTED, "台帳の設備", "equipment listed")                                                \
    X(W_COLUMNS_LEFT, "使わなかった列", "columns not used")                                       \
    X(W_KNOWN_SEEN, "台帳にあり、通信も見えた", "known and seen")                                 \
    X(W_KNOWN_SILENT, "台帳にあるが、通信が見えない", "known and silent")                         \
    X(W_TO_BE_SEEN, "通信で確かめられるもの（--pcap または --interface で照合）", "can be checked by traffic (with --pcap or --interface)") \
    X(W_SEEN_UNKNOWN, "通信が見えたが、台帳にない", "seen and unknown")                           \
    X(W_NOT_VISIBLE, "通信からは見えないもの", "what we cannot see")                              \
    X(W_UNKNOWN_TRY, "現物を探し、台帳に加えるか、切り離してください", "find the device: add it to the inventory or unplug it") \
    X(W_OTHER_MAC, "別の機器がこのアドレスを使っている", "another device uses this address")       \
    X(W_CELL_WRONG, "アドレスを読み取れない", "address not understood")                           \
    X(W_SERIAL, "シリアル・信号線", "serial or signal line")                                      \
    X(W_RADIO, "無線", "radio")                                                                   \
    X(W_ALONE, "どこにもつながっていない", "not connected")                                       \
    X(W_NO_ADDRESS, "アドレスの記載なし", "no address listed")                                    \
    X(W_LINE, "行", "line")                                                                       \
    X(W_ROW_NO_ID, "設備番号のない行", "a row without an id")                                   \
    X(W_ROW_TWICE, "同じ設備番号が二度ある", "the same id twice")                                 \
    X(W_ROW_LONG, "長すぎる欄（127文字まで）", "a cell too long (127 bytes)")                     \
    X(W_ROWS_LEFT, "何も登録していません。直してからもう一度実行してください", "nothing was registered; mend the file and run it again") \
    X(W_MANAGED_ALREADY, "関守が管理している機器なので飛ばしました", "managed by Sekimori already, left out") \
    X(W_IMPORTED, "新規・変更・同じ", "new, changed, same")                                       \
    X(W_NO_PROFILE, "機器の動きの定め（MUD）として読めません", "cannot be used as a profile (MUD)")     \
    X(W_RULES, "許される通信", "allowed")                                                         \
    X(W_LEFT_PROFILE, "定めを外れた通信", "left its profile")                                     \
    X(W_SENSOR_FAILED, "見守りの部品（sekimorid-sensor）が動きません", "the sensor (sekimorid-sensor) did not work") \
    X(W_SENSOR_TRY, "root（またはCAP_NET_RAW）で実行し、インターフェース名を確かめてください", "run as root (or with CAP_NET_RAW) and check the interface's name") \
    X(W_NO_CAPTURE, "通信の記録（pcap・pcapng）ではありません", "is not a capture (pcap or pcapng)")   \
    X(W_NO_CAPTURE_TRY, "圧縮されていれば展開し、tcpdump -w FILE などで採り直してください", "unpack it if it is packed, or capture again, for example with tcpdump -w FILE") \
    X(W_SECONDS_ARE, "--seconds：1から86400", "--seconds: 1 to 86400")                                \
    X(W_LISTENING, "聞いています（Ctrl-Cで早く終わります）", "listening (Ctrl-C ends it early)")        \
    X(W_PACKETS, "パケット", "packets")                                                           \
    X(W_HOSTS, "機器", "hosts")                                                                   \
    X(W_TRAFFIC, "通信", "traffic")                                                               \
    X(W_FINDINGS, "見つかったこと（危険な順）", "findings, the most dangerous first")               \
    X(W_NOTHING_FOUND, "危険なものは見つかりませんでした", "nothing dangerous was found")             \
    X(W_WHY_IT_MATTERS, "なぜ", "why")                                                            \
    X(W_STILL, "継続中", "still")                                                                 \
    X(W_AND_MORE, "ほか", "and more")                                                             \
    X(W_SERVES, "提供", "serves")                                                                 \
    X(W_USES, "利用", "uses")                                                                     \
    X(W_OUTSIDE, "外部", "outside")                                                               \
    X(W_CLAIMS, "通信から読み取った内容は相手の名乗りであり、確かめられたものではありません", "what packets say is their senders' claim, not proven") \
    X(W_FLOW_ALLOW, "許可", "allow")                                                              \
    X(W_FLOW_LIMIT, "制限つき", "limit")                                                          \
    X(W_FLOW_DENY, "拒否", "deny")                                                                \
    X(W_FLOW_IN, "受信", "in")                                                                    \
    X(W_FLOW_OUT, "送信", "out")                                                                  \
    X(W_FLOW_PASSED, "通過", "passed")                                                            \
    X(W_FLOW_REFUSED, "拒否", "refused")                                                          \
    X(W_FLOW_LABEL, "区分の上限", "label ceiling")                                                \
    X(W_FLOW_PURPOSE, "目的", "purpose")                                                          \
    X(W_FLOW_RATE, "想定する攻撃頻度（年）", "attempts assumed a year")                           \
    X(W_FLOW_FIGURE, "加わる年間想定損失（円、段を通す前 → 後）", "expected yearly loss it adds (yen, bare -> behind its stages)") \
    X(W_FLOW_TOLERANCE, "許容限度", "tolerance")                                                  \
    X(W_FLOW_BYPASS, "すり抜け", "gets by")                                                       \
    X(W_FLOW_LATTICE, "要求水準（IEC 62443）", "requirement levels (IEC 62443)")                  \
    X(W_FLOW_FALLBACK, "あらかじめ合意した代替", "fallback agreed beforehand")                    \
    X(W_FLOW_UNPROVEN, "自己試験に通らない段", "stages that fail their own test")                 \
    X(W_FLOW_TIGHTENED, "自動で厳しくしました。緩めるには、両責任者が署名し直した合意が必要です", "tightened by itself; only an agreement signed anew by both owners loosens it") \
    X(W_FLOW_UNKNOWN, "その連携データはありません（連携先/連携データ）", "no such flow (PEER/FLOW)") \
    X(W_CARD_LISTEN, "--listen：相手から届くホスト:ポート", "--listen: expected HOST:PORT where the other site reaches us") \
    X(W_CARD_NEXT, "このカードを相手へ渡し、相手のカードを受け取ったら sekimori peer accept", "give this card to the other site; with theirs: sekimori peer accept") \
    X(W_CARD_BAD, "連携カードではありません", "this is no card of a site")                        \
    X(W_CARD_OWN, "自サイトのカードです", "this is this site's own card")                         \
    X(W_CARD_COMPARE, "相手の画面にも同じコードが出ているか、電話などで読み合わせてください。同じなら --code を付けてもう一度", "read it to the person at the other site: theirs must be the same. Then again with --code") \
    X(W_CARD_OTHER, "コードが違います。どちらかのカードが途中で替わっています", "another code: one of the cards was changed on the way") \
    X(W_CARD_AGAIN, "カードを別の手段で受け取り直す", "get the card again, another way")               \
    X(W_CARD_TAKEN, "受け入れました", "accepted")                                                 \
    X(W_TERMS, "双方の合意", "agreed by both")                                                    \
    X(W_TERMS_EQUAL, "双方の署名が一致", "both signed the same")                                  \
    X(W_TERMS_DIFFER, "双方で内容が違う（何も通しません）", "the two differ (nothing passes)")    \
    X(W_TERMS_AWAITED, "先方の表明待ち", "waiting for their statement")                           \
    X(W_WITNESS, "相互証明した記録数（先方／当方）", "entries cosigned (theirs / ours)")          \
    X(W_PEER_INBOUND, "先方から接続", "they connect to us")                                       \
    X(W_FLOW_HELD, "承認待ち", "held for release")                                                 \
    X(W_FLOW_CHANGES, "合意からの変化（新しい順）", "what changed since the agreement (newest first)") \
    X(W_STATEMENT_AT, "表明の日時", "stated at")                                                  \
    X(W_EMERGENCIES, "緊急アクセス（事後確認待ちを含む）", "emergency access (those to be reviewed included)") \
    X(W_EMERGENCY_DUE, "事後確認の期限", "to be reviewed by")                                     \
    X(W_EMERGENCY_FOUND, "事後確認", "reviewed")                                                  \
    X(W_EMERGENCY_NOW, "緊急アクセス実施中", "EMERGENCY ACCESS IS OPEN")                          \
    X(W_ENTRY, "証跡", "entry")                                                                    \
    X(W_PROOF, "証跡の証明を取り出す", "an entry's proof")                                            \
    X(W_HELD_PEER, "連携先の指令", "a peer's command")                                            \
    X(W_STATEMENT, "表明", "statement")                                                           \
    X(W_STATEMENT_CODE, "鍵の照合コード", "key code")                                             \
    X(W_STATEMENT_LEVEL, "--level：iac uc si dc rdf tre ra のいずれか=0〜4", "--level: one of iac uc si dc rdf tre ra, =0 to 4") \
    X(W_STATEMENT_DAYS, "--days：1〜7", "--days: 1 to 7")                                         \
    X(W_PEER_UP, "接続中", "connected")                                                           \
    X(W_PEER_DOWN, "未接続", "not connected")                                                     \
    X(W_PEER_SEEN, "当方で観測", "seen by our own side")                                          \
    X(W_PEER_NONE, "連携先はありません", "no peers")                                              \
    X(W_PEER_UNKNOWN, "その連携先はありません", "no such peer")                                   \
    X(W_PEER_CONTACT, "連絡先", "contact")                                                        \
    X(W_PEER_BOUNDARY, "責任分界", "responsibility boundary")                                     \
    X(W_PEER_RETENTION, "保存", "retention")                                                      \
    X(W_PEER_AGREEMENT, "合意", "agreement")                                                      \
    X(W_ALERT_WAITS, "未送達：", "not delivered yet:")                                             \
    X(W_ALERT_DEAD, "届けられなかった通知（記録に残る）", "could not be delivered (kept in the record)") \
    X(W_WORK_NUMBER, "作業番号", "number")                                                        \
    X(W_WORK_SUPERVISOR, "立会者", "supervisor")                                                  \
    X(W_WORK_REQUESTER, "申請者", "asked for by")                                                 \
    X(W_WORK_PURPOSE, "作業内容", "purpose")                                                      \
    X(W_WORK_UNUSUAL, "作業中の普段と違う動き（警報にはしない）", "unusual during the work (no alarm)") \
    X(W_WORK_WINDOW, "時間帯：--from 開始（省略すると今） と --until 終了 または --minutes 分", "window: --from (now where absent) and --until or --minutes") \
    X(W_OBSERVE_HEAD, "見守りの報告", "observe mode")                                             \
    X(W_OBSERVE_WOULD, "止めていたはず", "would have held")                                       \
    X(W_OBSERVE_CHANGED, "実際に変えた", "changed")                                               \
    X(W_OBSERVE_NEXT, "効かせるときは、判断（--enforce）に三人が署名します", "to enforce them, three people sign a decision that says so (--enforce)") \
    X(W_CONNECT_HELD, "確認が済むまで止めています", "held until it is answered and signed")          \
    X(W_CONNECT_SIGNED, "確認済み（署名あり）", "answered and signed")                             \
    X(W_CONNECT_ASKED, "接続前の確認を求める対象", "a connection checklist is asked of")           \
    X(W_CONNECT_PROVIDER, "提供者", "provider")                                                   \
    X(W_CONNECT_USER, "利用者", "user")                                                           \
    X(W_CONNECT_MEASURED, "自動で測定", "measured")                                               \
    X(W_HELD_MEASURE, "対処による保留", "held by a measure")                                     \
    X(W_REACT_TOUCHED, "影響する任務", "touches")                                                \
    X(W_REACT_SAFE, "止まらない安全側の操作", "safe directions that pass")                         \
    X(W_REACT_RULE, "規則", "rule")                                                               \
    X(W_REACT_PROFILE, "製造者の定め", "maker's profile")                                         \
    X(W_REACT_IN_FORCE, "実施中", "in force")                                                     \
    X(W_REACT_OVER, "終了", "over")                                                               \
    X(W_REACT_NO_PROFILE, "定めがないため選べません", "not possible: it has no profile")           \
    X(W_REACT_ALREADY, "すでに実施中です", "in force already")                                    \
    X(W_REACT_NOBODY, "この機器に頼る任務はモデルにありません", "no mission of the model rests on it") \
    X(W_REACT_NO_TOPICS, "MUD に送受信先（sekimori-topics）がありません", "the MUD file lists no topics (sekimori-topics)") \
    X(W_SEEN_COMMAND, "指令", "commands")                                                         \
    X(W_SEEN_PEER, "連携先とのデータ", "another site")                                             \
    X(W_SEEN_READING, "測定値", "readings")                                                       \
    X(W_SEEN_UNMANAGED, "管理外の機器", "unmanaged devices")                                       \
    X(W_SEEN_HOST, "台帳にない機器（センサーが見た）", "a host no inventory lists (seen by a sensor)")  \
    X(W_PROPOSE_COUNT, "件数", "seen")                                                            \
    X(W_PROPOSE_ENTRIES, "  証跡 ", "  entries ")                                                 \
    X(W_PROPOSE_NEEDED, "頼っている業務がない（あれば、その業務の depends に影響とともに書き足す）", "no function depends on it; if one does, add it under its depends with the effect you judge") \
    X(W_PROPOSE_NOTHING, "見えたもののうち、モデルにないものはありません", "everything that was seen is in the model") \
    X(W_PROPOSE_LATER, "次の回に示すもの", "left for later sittings")                              \
    X(W_PROPOSE_PLATFORM, "モデルに layer: platform の資産群がないため、測定値と連携先とのデータは提案できません", "the model has no group of layer platform: readings and peers' flows cannot be proposed") \
    X(W_PROPOSE_UNPLACED, "モデルの資産群に属さないもの（登録コードの --group か members で属させる）: ", "in no group of the model (give them one: --group at the invite, or members): ") \
    X(W_PROPOSE_INLINE, "この一覧は一行に書かれていて、安全に書き足せません。手で書き足してください。何も変えていません", "this list is written inline and cannot be added to safely; add the rows by hand. Nothing was changed") \
    X(W_PROPOSE_UNSAFE, "書き足すと、もとの内容が変わるか、読めないモデルになるため、やめました。何も変えていません", "adding the rows would change what is there or make a model the reader refuses; nothing was changed") \
    X(W_PROPOSE_UNKNOWN, "その提案はありません（既にモデルにあるか、見送り済みか、番号違い）", "no such proposal (in the model already, declined, or mistyped)") \
    X(W_PROPOSE_FIVE, "一回に答えるのは5件までです", "at most five answers a sitting")               \
    X(W_HELD_WORK, "作業許可なし", "no work permit")

enum word {
#define X(name, ja, en) name,
    CLI_WORDS(X)
#undef X
        CLI_WORD_COUNT
};

#endif
