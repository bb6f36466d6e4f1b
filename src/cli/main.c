/* The table of commands, flags, help, and how complaints look. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"

static const struct command commands[] = {
    { "init", "", "--site ID --host NAME --roles DIR --custody DIR [--title-ja T] [--title-en T] [--console-dir DIR] [--mqtt A:P] [--https A:P] [--est A:P] [--console A:P] [--peers A:P] [--tpm-roots FILE] [--user NAME]",
        "サイトを作る（鍵・憲章・証跡記録）", "make a site: keys, charter, record", cmd_init },
    { "status", "", "", "いまの状態（0 許容限度内、7 制限中または超過）", "the state now (exit 0 within, 7 limited or over)", cmd_status },
    { "doctor", "", "", "自己点検", "check this installation", cmd_doctor },
    { "history", "", "TOPIC [--from TIME|24h|7d] [--to TIME] [--every 1h|1d] [--field NAME] [--bom]", "記録した測定値を時刻で読む（--every：区間ごとの最小・平均・最大。-o csv、-o json、-o ndjson も可。空いた区間は空きとして示す）",
        "recorded readings by time (--every: minimum, mean, maximum of each interval; -o csv, -o json, -o ndjson as well; gaps are shown as gaps)", cmd_history },
    { "why", "", "SUBJECT ACTION TOPIC [--payload JSON] [--purpose WORD] | HOLD", "なぜ許可・保留・拒否されるか：試した許可、制限、判断、証拠、すること、頼む相手", "why it is allowed, held or denied: grants tried, limit, decision, evidence, what to do, whom to ask", cmd_why },
    { "login", "answer", "CHALLENGE --site ID --user ID --key KEY --out FILE", "画面の問いに、鍵のある別の機械で署名して答える（媒体で往復）", "answer the page's challenge where the key is, on any machine (carried by medium)", cmd_login_answer },
    { "login", "", "", "画面を開く一度だけのリンク", "a one-time link to the console", cmd_login },
    { "user", "new", "ID --role ROLE [--role ROLE] --reason TEXT [--name TEXT] [--dry-run]",
        "人を登録し、最初の一度だけのリンクを出す（役割 operator mission-owner asset-owner executive auditor administrator）",
        "register a person; prints the first one-time link (roles operator mission-owner asset-owner executive auditor administrator)", cmd_user_new },
    { "user", "list", "", "人の一覧", "people", cmd_user_list },
    { "user", "show", "ID", "一人の詳細", "one person", cmd_user_show },
    { "user", "link", "ID", "新しい一度だけのリンク（鍵や合言葉を失くしたとき）", "a new one-time link (lost passkey or password)", cmd_user_change },
    { "user", "edit", "ID --role ROLE [--role ROLE] --reason TEXT [--dry-run]", "役割を変える", "change a person's roles", cmd_user_change },
    { "user", "revoke", "ID --reason TEXT [--dry-run]", "失効させる（開いている画面も閉じる）", "revoke for good (open pages close)", cmd_user_change },
    { "token", "new", "NAME --user ID --scope read|operate|enrol|documents --days N --reason TEXT [--dry-run]", "プログラム用のトークンを発行する",
        "issue a token for a program", cmd_token_new },
    { "token", "list", "", "トークン一覧", "tokens", cmd_token_list },
    { "token", "revoke", "NAME --reason TEXT [--dry-run]", "トークンを失効させる", "revoke a token", cmd_token_revoke },
    { "charter", "show", "", "憲章：三者の鍵と代理", "the charter: three keys and their deputies", cmd_charter_show },
    { "charter", "new", "--role ROLE --person TEXT --reason TEXT --out FILE --new-key FILE | --public FILE | --passkey ID [--site ID]",
        "役割の鍵を替える案を作る（交替・鍵の紛失。ほかの二者が署名する）", "draft another key for a role (rotation, a lost key; two of the three sign)", cmd_charter_new },
    { "charter", "sign", "FILE --key KEY", "憲章の変更に署名する", "sign a change of the charter", cmd_document_sign },
    { "charter", "apply", "FILE [--dry-run]", "署名済みの変更を反映する", "apply a signed change", cmd_document_apply },
    { "deputy", "new", "ID --role ROLE --person TEXT --rank R1..R5 --days N --reason TEXT --out FILE --new-key FILE | --public FILE | --passkey ID [--from TIME] [--site ID]",
        "代理（職務代理・代決）を定める案を作る（90日まで。--days 0 で終わらせる）", "draft a deputy for a time (at most 90 days; --days 0 ends one)", cmd_deputy_new },
    { "deputy", "sign", "FILE --key KEY", "代理の定めに署名する", "sign a deputy's appointment", cmd_document_sign },
    { "deputy", "apply", "FILE [--dry-run]", "署名済みの代理の定めを反映する", "apply a signed appointment", cmd_document_apply },
    { "device", "list", "", "機器一覧", "devices", cmd_device_list },
    { "device", "show", "ID", "機器の詳細", "one device", cmd_device_show },
    { "device", "import", "FILE [--dry-run]", "設備台帳（CSV）から管理外の機器を登録する", "register unmanaged devices from an inventory (CSV)", cmd_device_import },
    { "device", "attest", "ID", "いま証拠を求める", "ask for fresh evidence now", cmd_device_change },
    { "device", "quarantine", "ID --reason TEXT", "隔離する", "quarantine a device", cmd_device_change },
    { "device", "release", "ID --reason TEXT", "隔離を解く", "release from quarantine", cmd_device_change },
    { "device", "revoke", "ID --reason TEXT", "失効させる（1秒以内に切断）", "revoke (links closed within a second)", cmd_device_change },
    { "device", "lose", "ID --reason TEXT", "紛失とする（すぐに拒否し、見つかるか廃止するまでリスクとして残る）", "declare lost (refused at once; stays a risk until found or given up)", cmd_device_change },
    { "device", "transfer", "ID --reason TEXT", "ほかの所有者・サイトへ移管する（もう接続できない）", "transfer to another owner or site (may not connect any more)", cmd_device_change },
    { "device", "retire", "ID --reason TEXT", "廃止する（もう接続できない。次は廃棄）", "retire (may not connect any more; what follows is its destruction)", cmd_device_change },
    { "device", "destroy", "ID --method clear|purge|destroy --technique TEXT --verification TEXT --by PERSON --witness PERSON --reason TEXT [--serial TEXT] [--model TEXT] [--media TEXT] [--tool TEXT] [--destination TEXT] --key KEY --key KEY | --out FILE",
        "廃棄証明書（SP 800-88、二人の署名）を作り、記録データの鍵を破棄する", "certificate of destruction (SP 800-88, signed by two); destroys the key of its recorded data", cmd_device_destroy },
    { "device", "story", "ID", "一つの機器の一生を、記録から読む", "one device's whole life, read from the record", cmd_device_story },
    { "device", "evidence", "ID --out DIR", "証拠を外部検証用に取り出す", "export evidence for an outside verifier", cmd_device_evidence },
    { "device", "reference", "--model M --version V --image FILE --out FILE | --key KEY", "配布物から基準値の案を作る", "draft a reference set from a release's file", cmd_device_reference },
    { "device", "sign", "FILE --key KEY", "基準値に署名する", "sign a reference set", cmd_document_sign },
    { "device", "apply", "FILE [--dry-run]", "署名済みの基準値を反映する", "apply a signed reference set", cmd_document_apply },
    { "invite", "new", "ID [--role device|operator|viewer|contractor] [--person PERSON] [--group G] [--model M] [--days N]", "登録コードを発行する", "issue an invite", cmd_invite_new },
    { "invite", "list", "", "登録コード一覧", "invites", cmd_list },
    { "stream", "list", "", "データ種別一覧", "streams", cmd_list },
    { "stream", "apply", "FILE [--dry-run]", "データ種別を宣言する", "declare streams", cmd_stream_apply },
    { "lineage", "", "STREAM | ENTRY", "データの由来：何から、どう作られ、区分と簡約、宣言の行、もとの記録（証跡記録の番号で）", "where data is from: inputs, how, label and reductions, where declared, which entries", cmd_lineage },
    { "command", "list", "", "人の承認を待つ指令と、その理由", "commands that wait for people, and why", cmd_command_list },
    { "command", "approve", "HOLD --reason TEXT [--dry-run]", "二人目として指令を承認し、一度だけ送る（--dry-run：いま送るとどう判定されるか）",
        "approve a command as its second person; it goes once (--dry-run: what would be judged now)", cmd_command_change },
    { "command", "refuse", "HOLD --reason TEXT [--dry-run]", "承認を待つ指令を取り下げる", "refuse a command that waits", cmd_command_change },
    { "command", "harmless", "ENTRY --reason TEXT [--dry-run]", "止めたものが無害だったと記録する（証跡記録の番号で）", "find something that was blocked harmless, by its entry in the record", cmd_command_harmless },
    { "grant", "list", "", "誰に何が許されているか", "who may do what", cmd_grant_list },
    { "grant", "test", "FILE [--streams FILE]", "許可の定めを、ファイル内の問いで確かめる（何も動いていなくてよい）", "check a policy by its own questions (nothing need run)", cmd_grant_test },
    { "grant", "diff", "FILE", "いまの定めと比べ、誰の許可が変わるかを示す", "show whose access would change", cmd_grant_diff },
    { "grant", "new", "FILE --out FILE [--streams FILE]", "定めを確かめ、署名用の案を作る", "check a policy and draft its signed form", cmd_grant_new },
    { "grant", "sign", "FILE --key KEY", "定めに署名する（資産責任者）", "sign a policy (asset owner)", cmd_document_sign },
    { "grant", "apply", "FILE [--dry-run]", "署名済みの定めを反映する（1秒以内に有効）", "apply a signed policy (in force within a second)", cmd_grant_apply },
    { "peer", "list", "", "連携先一覧", "peers", cmd_peer_list },
    { "peer", "show", "PEER", "連携先の合意と連携データ", "one peer's agreement and flows", cmd_peer_show },
    { "peer", "invite", "--out FILE [--listen HOST:PORT]", "自サイトの連携カードを作る（相手のサイトへ渡す）", "make this site's card, for another site", cmd_peer_invite },
    { "peer", "accept", "CARD --ours FILE [--code CODE]", "相手の連携カードを、読み合わせたコードで受け入れる", "accept another site's card, by a code two people compare", cmd_peer_accept },
    { "peer", "new", "FILE --out FILE", "相互連携の合意を確かめ、署名用の案を作る", "check an agreement and draft its signed form", cmd_peer_new },
    { "peer", "sign", "FILE --key KEY", "合意に署名する（業務責任者・システム責任者）", "sign an agreement (mission owner and asset owner)", cmd_document_sign },
    { "peer", "apply", "FILE", "署名済みの合意を反映する", "apply a signed agreement", cmd_document_apply },
    { "peer", "suspend", "PEER --reason TEXT [--dry-run]", "連携をすぐに止める", "stop a peer's flows at once", cmd_peer_change },
    { "peer", "delete", "PEER --reason TEXT [--dry-run]", "合意を終える", "end a peer's agreement", cmd_peer_change },
    { "peer", "state", "--to SITE --claimed N --out FILE [--level si=1]... [--days N]", "自サイトの表明の案を作る（システム責任者が署名する）", "draft our own statement for another site (the asset owner signs it)", cmd_peer_state },
    { "peer", "stand", "PEER FILE", "連携先の署名済みの表明を反映する", "take a peer's signed statement", cmd_peer_stand },
    { "peer", "code", "PUBLIC-KEY", "鍵の照合コード（電話などで読み合わせる）", "a key's code, for people to compare", cmd_peer_code },
    { "flow", "list", "", "連携データごとの許可・制限・拒否", "allow, limit or deny of each flow", cmd_peer_list },
    { "flow", "show", "PEER/FLOW", "一つの連携データの判定と根拠", "one flow's verdict and why", cmd_flow_show },
    { "flow", "release", "HOLD --key KEY --key KEY | --out FILE", "保留した連携先の指令を二人の承認で一度だけ送る", "release a peer's held command once, by two people", cmd_limit_release },
    { "flow", "refuse", "HOLD --reason TEXT [--dry-run]", "保留した連携先の指令を拒否する（送らない）", "refuse a peer's held command: it is never sent", cmd_flow_refuse },
    { "mission", "show", "[ID]", "任務の状態", "a mission", cmd_mission_show },
    { "mission", "check", "FILE", "モデルを確かめる（何も動いていなくてよい）", "check a model file (nothing need run)", cmd_mission_check },
    { "mission", "new", "FILE --out FILE [--site ID] | --template water|factory|building|care|retail --out FILE", "モデルの署名用の案を作る。または雛形から書き始める", "draft the signed form of a model; or begin one from a template", cmd_mission_draft },
    { "mission", "import", "FILE --out FILE", "Threagile のモデル（YAML）から任務モデルを書き始める（何も動いていなくてよい）", "begin a mission model from a Threagile model in YAML (nothing need run)", cmd_mission_import },
    { "mission", "propose", "MODEL [--confirm ID]... [--decline ID --reason TEXT]... [--person NAME] [--dry-run]", "サイトで見えたのにモデルのファイルにない連携データ（flows）と機器を、重い順に5件まで示す。確認したものはファイルへ書き足し、見送ったものは理由とともに覚える",
        "what the site saw and the model file lacks, five a sitting, the most consequential first; confirmed rows are added to the file, declined ones kept beside it", cmd_mission_propose },
    { "mission", "sign", "FILE --key KEY", "モデルに署名する", "sign a model", cmd_document_sign },
    { "mission", "apply", "FILE [--dry-run [--model FILE --assessment FILE]]", "署名済みのモデルを反映する（--dry-run：値と条件がどう変わるか）", "apply a signed model (--dry-run: what it would change)", cmd_document_apply },
    { "risk", "show", "[MISSION] [--model FILE --assessment FILE] [--budget YEN]", "残存リスクの中身：何が下げ、何が動き、何に懸かり、何を買えるか", "what the residual risk is made of, what moved, what it hangs on, what could be bought", cmd_risk_show },
    { "risk", "what-if", "[MISSION] [--set C2=0.95 | --set S1=F3]... [--buy OPTION]... [--model FILE --assessment FILE]", "試算：入力を変えるとどうなるか（何も変えない）", "try other inputs (nothing is changed)", cmd_risk_what_if },
    { "risk", "check", "FILE", "設計段階の評価：対策前、必要な対策（7 許容限度超過、何も動いていなくてよい）", "by design: inherent picture and required controls (exit 7 over tolerance; nothing need run)", cmd_risk_check },
    { "report", "blocked", "[--since TIME]", "何を、どの根拠で止め、そのうち無害だったのはどれだけか", "what was blocked, by what authority, and how much of it was harmless", cmd_report_blocked },
    { "report", "observe", "[--days N]", "見守りの間に、制限があれば止めていたもの（実際に変えたものは 0 のはず）", "what observe mode would have held, limit by limit; and what was changed all the same (nothing)", cmd_report_observe },
    { "report", "compliance", "[--guideline ID] [--assessment FILE]", "指針・規格の項目ごとの裏づけ（実測・申告・期限切れ・未確認）。適合は主張しない（-o csv、-o oscal も可）", "what backs each item of the guidelines (measured, declared, stale, unknown); claims no conformity (-o csv, -o oscal as well)", cmd_report_compliance },
    { "evidence", "list", "", "対策ごとの確認結果", "what was found, by control", cmd_list },
    { "evidence", "new", "--control C --asset A --detail TEXT --days N --out FILE | --key KEY", "申告の案を作る", "draft a declaration", cmd_evidence_new },
    { "evidence", "sign", "FILE --key KEY", "申告に署名する", "sign a declaration", cmd_document_sign },
    { "evidence", "apply", "FILE [--dry-run]", "署名済みの申告を反映する", "apply a signed declaration", cmd_document_apply },
    { "assessment", "list", "", "残存リスク評価の一覧", "assessments", cmd_list },
    { "assessment", "export", "[ID] --out FILE", "評価を取り出す", "export an assessment", cmd_assessment_export },
    { "assessment", "replay", "FILE", "評価を再計算して記録と比べる", "recompute an assessment and compare", cmd_assessment_replay },
    { "decision", "list", "", "判断（決裁）の一覧", "decisions", cmd_list },
    { "public", "new", "--id P-1 --out FILE (--text-ja T --text-en T [--days N] | --withdraw)", "公開の表示（セキュリティ品質の表示）の案を、利用者の期待と評価から作る",
        "draft the public statement: what users expect, what was achieved", cmd_public_new },
    { "public", "sign", "FILE --key KEY", "公開の表示に署名する（業務責任者・経営者層）", "sign the public statement (mission owner and executive)", cmd_document_sign },
    { "public", "apply", "FILE [--dry-run]", "署名済みの公開の表示を出す（だれでも /public で読める）", "publish it: anybody reads it at /public", cmd_document_apply },
    { "public", "show", "", "いまの公開の表示", "the public statement in force", cmd_public_show },
    { "decision", "new", "--id D-1 --out FILE [--mission M] [--days N] [--enforce CONDITION]... [--observe CONDITION]... [--loosen two|auto] [--dwell S] [--reason-ja T] [--reason-en T] [--choose OPTION] [--difference ROLE:TEXT]...",
        "いまの評価から判断の案を作る（選択肢と意見の相違も記す）", "draft a decision from the assessment now, with the options weighed and where views differed", cmd_decision_new },
    { "decision", "sign", "FILE --key KEY", "判断に署名する", "sign a decision", cmd_document_sign },
    { "decision", "apply", "FILE [--dry-run]", "署名済みの判断を反映する", "apply a signed decision", cmd_document_apply },
    { "draft", "list", "", "起案・合議中の判断", "decisions on their way: drafted, answered, waiting for a signature", cmd_list },
    { "draft", "export", "ID --out FILE", "審議中の判断を取り出す（別の機械で署名するため）", "fetch one, to sign it on another machine", cmd_draft_export },
    { "draft", "sign", "FILE --key KEY", "案に署名する", "sign a draft", cmd_document_sign },
    { "draft", "apply", "FILE [--dry-run]", "署名した案を記録に入れる（最初は業務責任者。三人目の署名で決裁になる）", "hand a signed draft in (the mission owner's first; the third signature decides)", cmd_draft_apply },
    { "draft", "return", "ID --reason TEXT --key KEY | --out FILE", "差し戻す（システム責任者・経営者層）", "send it back (asset owner, executive)", cmd_draft_answer },
    { "draft", "withdraw", "ID --reason TEXT --key KEY | --out FILE", "取り下げる（業務責任者）", "take it back (mission owner)", cmd_draft_answer },
    { "action", "list", "", "是正処置（CSMS）：指摘、担当、期限、実施、効果。見直しと、処置の候補", "corrective actions (CSMS): finding, owner, due, done, effect; reviews, and what is proposed", cmd_action_list },
    { "action", "new", "--finding TEXT --owner ID [--days N | --due TIME] [--source evidence|incident|audit|drill|decision|review] [--ref ID] [--dry-run]",
        "指摘から是正処置を始める", "begin one from a finding", cmd_action_new },
    { "action", "done", "ID --reason TEXT [--dry-run]", "実施したことを記す", "say what was done", cmd_action_step },
    { "action", "judge", "ID --reason TEXT [--not-effective --days N] [--dry-run]", "効果があったかを、実施した人でない人が記す", "say whether it helped (never who did it)", cmd_action_step },
    { "action", "move", "ID --owner ID --days N --reason TEXT [--dry-run]", "担当と期限を変える", "change owner and due date", cmd_action_step },
    { "review", "new", "--reason TEXT [--dry-run]", "経営層による見直し（マネジメントレビュー）の結論を記す", "record what a management review said", cmd_action_step },
    { "limit", "list", "", "いまの制限", "limits now", cmd_list },
    { "limit", "release", "HOLD --key KEY --key KEY | --out FILE", "保留した指令を二人の承認で一度だけ送る", "release one held command, by two people", cmd_limit_release },
    { "limit", "loosen", "LIMIT --key KEY --key KEY | --out FILE", "条件が戻った制限を解く", "end a limit whose condition is good again", cmd_limit_loosen },
    { "limit", "sign", "FILE --key KEY", "解除書に署名する", "sign a release or loosening", cmd_document_sign },
    { "limit", "apply", "FILE", "署名済みの解除書を反映する", "apply a signed release or loosening", cmd_document_apply },
    { "certificate", "show", "", "入口で示している証明書", "certificates shown at the doors", cmd_certificate_show },
    { "certificate", "request", "--name NAME [--name NAME] --out FILE", "ブラウザーが信頼する認証局への証明書要求を作る（鍵はこの計算機に残る）",
        "a request to an authority that browsers trust, for the people's door (the key stays here)", cmd_certificate_request },
    { "certificate", "set", "CHAIN [--key FILE] [--dry-run]", "届いた証明書を人の入口（8443）で示す（止めずに切り替わる）",
        "show it at the people's door (8443); no link is dropped", cmd_certificate_set },
    { "certificate", "remove", "[--dry-run]", "サイト自身の証明書に戻す", "go back to the site's own", cmd_certificate_remove },
    { "emergency", "list", "", "緊急アクセスの一覧", "emergency access", cmd_emergency_list },
    { "emergency", "request", "SUBJECT --reason TEXT [--minutes N] [--dry-run]", "緊急アクセスを求める（240分まで。15分以内に別の人が開く）", "ask for emergency access (at most 240 minutes; another person opens it within 15)", cmd_emergency_request },
    { "emergency", "open", "ID [--dry-run]", "別の人が求めた緊急アクセスを開く", "open what another person asked for", cmd_emergency_step },
    { "emergency", "end", "ID [--dry-run]", "緊急アクセスを終える", "end it", cmd_emergency_step },
    { "emergency", "review", "ID --reason TEXT [--dry-run]", "終わった緊急アクセスを三人目が確かめる（72時間以内）", "a third person looks at it afterwards (within 72 hours)", cmd_emergency_step },
    { "incident", "list", "", "事案の一覧", "incidents", cmd_incident_list },
    { "incident", "show", "ID", "一つの事案：凍結した証拠、期限のある報告、経過", "one incident: what is frozen, reports due, its timeline", cmd_incident_show },
    { "incident", "open", "[CAUSE] --reason TEXT [--noticed TIME] [--view operator|maker] [--dry-run]", "警報から事案を開く（その時点の要約値に署名し、閉じるまで記録を消さない）",
        "open an incident from an alert: the record of this moment is signed, and nothing of it given up until it is closed", cmd_incident_open },
    { "incident", "manual", "ID --reason TEXT [--dry-run]", "手動運転を宣言する", "declare manual operation", cmd_incident_step },
    { "incident", "note", "ID --reason TEXT [--dry-run]", "経過を書き加える", "add to its timeline", cmd_incident_step },
    { "incident", "report", "ID REPORT --out FILE", "報告を、わかっている内容で埋めて印刷用のHTMLにする", "a report as a page to print, filled from what the site knows", cmd_incident_report },
    { "incident", "sent", "ID REPORT --reason TEXT [--dry-run]", "報告を送ったことを記録する（受付番号など）", "a report was sent (its receipt)", cmd_incident_step },
    { "incident", "waive", "ID REPORT --reason TEXT [--dry-run]", "その報告が不要な理由を記録する", "why a report does not apply", cmd_incident_step },
    { "incident", "close", "ID --loss YEN --minutes N --reason TEXT [--dry-run]", "実際の損失（円、止まった分数）とともに終結する", "close it, with the loss there really was (yen, minutes without service)", cmd_incident_step },
    { "alert", "list", "", "警報を原因ごとに：件数、対応者、通知停止、届かなかった通知", "alerts by cause: how many, in whose hand, muted until, undelivered", cmd_alert_list },
    { "alert", "ack", "CAUSE --reason TEXT [--dry-run]", "対応中にする（静まるまで通知しない）", "take it in hand: none is sent until it was quiet for an hour", cmd_alert_step },
    { "alert", "mute", "CAUSE --minutes N --reason TEXT [--dry-run]", "決めた時間だけ通知を止める（記録と表示は続く）", "send none for a time (recorded and shown all the same)", cmd_alert_step },
    { "alert", "unmute", "CAUSE --reason TEXT [--dry-run]", "通知停止を解く", "send again", cmd_alert_step },
    { "alert", "test", "[--dry-run]", "訓練の警報を一つ出し、届き先を確かめる", "raise a drill, to see whether alerts arrive", cmd_alert_step },
    { "connect", "list", "", "接続前の確認：誰に求めているか、誰がまだ止まっているか", "connection checklists: of whom they are asked, who is still held", cmd_connect_list },
    { "connect", "show", "ID", "一件の確認：提供者の分、利用者の分、測った項目", "one checklist: the provider's part, the user's part, what is measured", cmd_connect_show },
    { "connect", "ask", "ROLE ON|OFF", "これから登録するものに確認を求める（署名まで止めておく）", "ask it of whoever enrols from now on: held until it is signed", cmd_connect_ask },
    { "connect", "answer", "ID ITEM ANSWER [--note TEXT] --person NAME", "項目に yes、no、not-applicable で答える（答えた人の名前で）", "answer an item yes, no or not-applicable, by name", cmd_connect_answer },
    { "connect", "sign", "ID --key KEY | --out FILE [--dry-run]", "答えのとおりで接続を認める署名をする（業務責任者またはシステム責任者）", "let it go online as answered (mission or asset owner's signature)", cmd_connect_sign },
    { "react", "list", "", "対処の一覧：今効いているもの、あらかじめ署名した規則、製造者の定め", "measures in force and before, rules signed beforehand, makers' profiles", cmd_react_list },
    { "react", "propose", "ID", "対処の案：それぞれ何が止まり、どの任務に響くか（何も変えない）", "what each measure would stop, and which mission it touches; changes nothing", cmd_react_propose },
    { "react", "apply", "ID --measure narrow|hold|quarantine --minutes N --reason TEXT [--cause CAUSE] [--dry-run]", "時間を限って対処する（自動で戻る）", "take a measure for a time; it ends by itself", cmd_react_apply },
    { "react", "undo", "RC-N --reason TEXT", "対処を戻す", "undo a measure", cmd_react_undo },
    { "react", "rule", "--cause CAUSE --device ID|--group GROUP --measure M --minutes N [--at-most N] --key KEY | --out FILE", "自動対処の規則に前もって署名する（システム責任者）", "sign a rule for automatic reaction beforehand (asset owner)", cmd_react_rule },
    { "react", "end", "RR-N --reason TEXT", "規則をやめる", "end a rule", cmd_react_end },
    { "react", "profile", "ID FILE|none", "製造者の定め（MUD の送受信先）を機器に付ける", "give a device its maker's profile (the topics of a MUD file)", cmd_react_profile },
    { "work", "list", "", "作業申請の一覧", "work permits", cmd_work_list },
    { "work", "show", "ID", "一件の作業申請：誰が、どこを、いつ、誰の立会いで", "one work permit: who, what, when, supervised by whom", cmd_work_show },
    { "work", "request", "--subject ID --person NAME --stream STREAM|TOPICS --number N --supervisor ID --purpose TEXT --until TIME|--minutes N [--from TIME] [--company NAME] [--requester NAME] [--dry-run]",
        "作業を申請する（人の名前で。会社名では受け付けない）", "ask for a work permit (for a person, not a company)", cmd_work_request },
    { "work", "approve", "ID --key KEY | --out FILE [--dry-run]", "申請を承認する（業務責任者またはシステム責任者の署名。申請者と作業者は承認できない）",
        "approve one (mission or asset owner's signature; never who asked or works)", cmd_work_approve },
    { "work", "sign", "FILE --key KEY", "承認書に署名する", "sign an approval", cmd_document_sign },
    { "work", "apply", "FILE", "署名済みの承認書を反映する", "apply a signed approval", cmd_document_apply },
    { "work", "start", "ID [--reason TEXT]", "作業を始める（立会者）", "begin the work (its supervisor)", cmd_work_step },
    { "work", "stop", "ID [--reason TEXT]", "作業を終える（立会者。時間が来れば自動で終わる）", "end the work (its supervisor; ends by itself at the window's end)", cmd_work_step },
    { "work", "refuse", "ID --reason TEXT", "申請を却下する・取り下げる", "refuse or withdraw one", cmd_work_step },
    { "watch", "list", "", "いつもと違う動きの警報", "alarms: devices that do otherwise than usual", cmd_list },
    { "watch", "checks", "", "常時の点検：証明書、機器の名乗り、接続、許可、記録、人（7 要対応あり）", "standing checks: certificates, identities, connections, grants, recording, people (exit 7: something needs attention)", cmd_watch_checks },
    { "watch", "discover", "FILE|IFACE [--seconds N]", "通信の記録または回線を聞き、機器・通信・危険を示す（サイトがなくてもよい。-o csv も可）",
        "who talks to whom and what is dangerous, from a capture or an interface (no site needed; -o csv as well)", cmd_watch_discover },
    { "watch", "inventory", "FILE [--pcap FILE] [--interface IFACE] [--seconds N]", "設備台帳（CSV）と、見えた通信を突き合わせる",
        "match an inventory (CSV) with what is seen", cmd_watch_inventory },
    { "watch", "hosts", "IFACE [--seconds N]", "回線を聞き、台帳にない機器をサイトへ報告する", "listen, and report hosts that no inventory lists to the site", cmd_watch_hosts },
    { "watch", "mud", "FILE [--device ADDRESS] [--pcap FILE] [--interface IFACE] [--seconds N] [--controller URN=ADDRESS]...",
        "機器の製造者が定めた動き（MUD）を示し、見えた通信と比べる（7 逸脱あり）", "a maker's profile (MUD, RFC 8520), and whether a device keeps to it (exit 7 when it left)", cmd_watch_mud },
    { "ledger", "verify", "[DIR] [--key HEX]", "証跡記録を検証する（8 不一致）", "verify the record (exit 8 when it is not whole)", cmd_ledger_verify },
    { "ledger", "list", "[--kind KIND] [--after N]", "証跡記録を見る", "read the record", cmd_ledger_list },
    { "ledger", "proof", "INDEX --out FILE", "一件の証明を取り出す", "export one entry's proof", cmd_ledger_proof },
    { "ledger", "consistency", "OLD NEW [--out FILE]", "二つの大きさの間の整合証明を取り出す", "export the proof that NEW entries contain the first OLD", cmd_ledger_consistency },
    { "ledger", "prune", "--before TIME [--class data] [--reason TEXT] [--dry-run]", "古い記録データの中身を消す（証明は残る）", "give up old recorded data (proofs stay)", cmd_ledger_prune },
    { "ledger", "erase", "DEVICE --reason TEXT", "機器の記録データの鍵を破棄して読めなくする", "destroy the key of a device's recorded data", cmd_ledger_erase },
    { "ca", "list", "", "証明書を発行している認証局と、有効・失効の数", "who issues certificates, and how many are good and ended", cmd_ca_list },
    { "ca", "roll", "--custody FILE [--dry-run]", "別の鍵で発行を始める（前の局は廃止まで信頼され、機器は順に更新する）",
        "let another key issue (the former CA is trusted until it is retired; devices renew in turn)", cmd_ca_roll },
    { "ca", "retire", "KEY [--left N] --key FILE [--dry-run]", "前の認証局を廃止する（システム責任者の署名。--dry-run は未移行の機器を示す）",
        "retire the former CA (signed by the asset owner; --dry-run lists who has not moved)", cmd_ca_retire },
    { "ca", "crl", "[--out FILE]", "失効リスト（PEM）を書き出す", "write the revocation lists (PEM)", cmd_ca_crl },
    { "backup", "make", "DIR [--without-data-keys]", "動いたままバックアップを取り、その場で検証する（鍵類は保管庫の根の鍵でしか開かない）",
        "copy the running site and verify the copy (keys inside open only with the root key in custody)", cmd_backup_make },
    { "backup", "verify", "DIR [--custody FILE]", "バックアップを検証する（8 不一致）", "verify a backup (exit 8 when it is not whole)", cmd_backup_verify },
    { "backup", "restore", "DIR --custody FILE --state NEW [--user NAME] [--dry-run]", "バックアップと保管庫の鍵から同じサイトを作り直す（既にある所には書かない）",
        "make the same site again from a backup and the key in custody (never over an existing one)", cmd_backup_restore },
    { "audit", "pack", "--from DAY|TIME [--to DAY|TIME] [--after PACK] --out FILE", "期間の監査資料を作る（判断、例外と期限、委託先の作業、確認結果、証明。--after：前回の資料からの追記のみであることの証明）",
        "an audit pack of a period: decisions, exceptions, contractors, evidence, with their proofs (--after: the record only grew since that pack)", cmd_audit_pack },
    { "audit", "page", "--out FILE", "監査資料を確かめる一枚のHTML（ネットワーク不要）", "the one HTML page that checks a pack (no network)", cmd_audit_page },
    { "ledger", "head", "", "いま要約値に署名させる", "have the head signed now", cmd_ledger_head },
};
enum { COMMANDS = sizeof commands / sizeof *commands };

const char *cli_say(const struct cli *c, enum word w)
{
    static const struct { const char *ja, *en; } rows[CLI_WORD_COUNT] = {
#define X(name, ja, en) [name] = { ja, en },
        CLI_WORDS(X)
#undef X
    };
    return c->ja ? rows[w].ja : rows[w].en;
}

const char *doc_said(const struct cli *c, const struct doc *d, const char *key)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", key, c->ja ? "ja" : "en");
    return doc_text(d, name, "");
}

const char *flag_nth(const struct cli *c, const char *name, size_t k)
{
    for (size_t i = 0; i < c->n_flags; i++)
        if (strcmp(c->flags[i].name, name) == 0 && k-- == 0) return c->flags[i].value;
    return NULL;
}

const char *flag(const struct cli *c, const char *name)
{
    return flag_nth(c, name, 0);
}

int complain(const struct cli *c, int code, const char *number, const char *what, const char *at, const char *try)
{
    fprintf(stderr, "error[%s]: %s\n", number, what);
    if (at && *at) fprintf(stderr, "  %s: %s\n", cli_say(c, W_AT), at);
    if (try && *try) fprintf(stderr, "  %s: %s\n", cli_say(c, W_TRY), try);
    return code;
}

int complain_usage(const struct cli *c)
{
    const struct command *k = c->command;
    fprintf(stderr, "%s: sekimori %s%s%s %s\n", cli_say(c, W_USAGE), k->noun, *k->verb ? " " : "", k->verb, k->usage);
    return EXIT_USAGE;
}

int need_flag(const struct cli *c, const char *name)
{
    char what[96];
    snprintf(what, sizeof what, "--%s %s", name, cli_say(c, W_NEED));
    complain(c, EXIT_USAGE, "SK-1001", what, NULL, NULL);
    return complain_usage(c);
}

static int help(const struct cli *c, FILE *to)
{
    fprintf(to, "sekimori [--state DIR] [--lang ja|en] [-o json] NOUN VERB ...\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %s%s%s %s\n      %s\n", commands[i].noun, *commands[i].verb ? " " : "", commands[i].verb, commands[i].usage,
            c->ja ? commands[i].ja : commands[i].en);
    return to == stdout ? EXIT_OK : EXIT_USAGE;
}

/* `sekimori --version` asks for ours; behind a noun it is that of a release. */
static bool takes_value(const char *name, bool behind_noun)
{
    static const char *const bare[] = { "dry-run", "help", "version", "without-data-keys", "bom", "withdraw", "not-effective" };
    if (behind_noun && strcmp(name, "version") == 0) return true;
    for (size_t i = 0; i < sizeof bare / sizeof *bare; i++)
        if (strcmp(bare[i], name) == 0) return false;
    return true;
}

static void language(struct cli *c, const char *word)
{
    c->ja = word && strncmp(word, "ja", 2) == 0;
}

/* false: a flag without its value, one of another form, or too many. */
static bool parse(struct cli *c, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *a = argv[i];
        if (strcmp(a, "-o") == 0 && i + 1 < argc) {
            c->output = argv[++i];
            c->json = strcmp(c->output, "json") == 0;
        } else if (a[0] == '-' && a[1] && a[1] != '-') {
            return false;
        } else if (strncmp(a, "--", 2) == 0 && a[2]) {
            if (c->n_flags == CLI_FLAGS_MAX) return false;
            const char *value = "";
            if (takes_value(a + 2, c->n_args > 0)) {
                if (i + 1 >= argc) return false;
                value = argv[++i];
            }
            c->flags[c->n_flags].name = a + 2;
            c->flags[c->n_flags++].value = value;
        } else {
            if (c->n_args == CLI_ARGS_MAX) return false;
            c->args[c->n_args++] = a;
        }
    }
    return true;
}

static const struct command *find(struct cli *c)
{
    for (size_t i = 0; i < COMMANDS && c->n_args; i++) {
        if (strcmp(commands[i].noun, c->args[0]) != 0) continue;
        bool alone = !*commands[i].verb;
        if (!alone && (c->n_args < 2 || strcmp(commands[i].verb, c->args[1]) != 0)) continue;
        size_t skip = alone ? 1 : 2;
        c->n_args -= skip;
        memmove(c->args, c->args + skip, c->n_args * sizeof *c->args);
        return &commands[i];
    }
    return NULL;
}

/* Whether the usage line names --name. */
static bool flag_known(const char *usage, const char *name)
{
    static const char *const everywhere[] = { "state", "lang", "help" };
    for (size_t i = 0; i < sizeof everywhere / sizeof *everywhere; i++)
        if (strcmp(everywhere[i], name) == 0) return true;
    size_t n = strlen(name);
    for (const char *p = strstr(usage, "--"); p; p = strstr(p + 2, "--")) {
        char after = strncmp(p + 2, name, n) == 0 ? p[2 + n] : '-';
        if (after == 0 || after == ' ' || after == ']') return true;
    }
    return false;
}

/* Words a usage line has room for: those before its first flag. */
static size_t words_wanted(const char *usage)
{
    size_t n = 0;
    const char *end = strstr(usage, "--");
    if (!end) end = usage + strlen(usage);
    for (const char *p = usage; p < end; p++) n += *p >= 'A' && *p <= 'Z' && (p == usage || p[-1] == ' ' || p[-1] == '[');
    return n;
}

/* What this command does not know is refused, never ignored. 0 when all is known. */
static int misused(const struct cli *c)
{
    const char *lang = flag(c, "lang");
    char what[200];
    if (lang && strcmp(lang, "ja") != 0 && strcmp(lang, "en") != 0)
        return complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_LANG_IS), lang, NULL);
    bool report = c->command->run == cmd_report_compliance;
    bool csv = c->output && strcmp(c->output, "csv") == 0 && (report || c->command->run == cmd_watch_discover || c->command->run == cmd_history);
    bool lines = c->output && strcmp(c->output, "ndjson") == 0 && c->command->run == cmd_history;
    bool oscal = c->output && strcmp(c->output, "oscal") == 0 && report;
    if (c->output && !c->json && !csv && !oscal && !lines && strcmp(c->output, "table") != 0)
        return complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_OUTPUT_IS), c->output, NULL);
    for (size_t i = 0; i < c->n_flags; i++) {
        if (flag_known(c->command->usage, c->flags[i].name)) continue;
        snprintf(what, sizeof what, "%s: --%s", cli_say(c, W_UNKNOWN_FLAG), c->flags[i].name);
        complain(c, EXIT_USAGE, "SK-1001", what, NULL, NULL);
        return complain_usage(c);
    }
    if (c->n_args <= words_wanted(c->command->usage)) return 0;
    complain(c, EXIT_USAGE, "SK-1001", cli_say(c, W_TOO_MANY_WORDS), c->args[c->n_args - 1], NULL);
    return complain_usage(c);
}

static int unknown(struct cli *c)
{
    char what[200];
    snprintf(what, sizeof what, "%s: %s %s", cli_say(c, W_UNKNOWN_COMMAND), c->args[0], c->n_args > 1 ? c->args[1] : "");
    complain(c, EXIT_USAGE, "SK-1000", what, NULL, NULL);
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].noun, c->args[0]) == 0)
            fprintf(stderr, "  %s: sekimori %s %s %s\n", cli_say(c, W_MEANT), commands[i].noun, commands[i].verb, commands[i].usage);
    fprintf(stderr, "  %s: sekimori --help\n", cli_say(c, W_TRY));
    return EXIT_USAGE;
}

int cli_main(int argc, char **argv)
{
    struct cli c = { .arena = ARENA(64u << 20) };
    const char *lang = getenv("LC_ALL");
    if (!lang || !*lang) lang = getenv("LC_MESSAGES");
    if (!lang || !*lang) lang = getenv("LANG");
    language(&c, lang);
    bool good = parse(&c, argc, argv);
    if (flag(&c, "lang")) language(&c, flag(&c, "lang"));
    c.state = flag(&c, "state") ? flag(&c, "state") : getenv("SEKIMORI_STATE");
    if (!c.state || !*c.state) c.state = "/var/lib/sekimori";
    c.dry_run = flag(&c, "dry-run") != NULL;
    if (flag(&c, "version") && !c.n_args) return printf("sekimori %s\n", SEKIMORI_VERSION) > 0 ? EXIT_OK : EXIT_FAILED;
    if (flag(&c, "help") || !c.n_args) return help(&c, flag(&c, "help") ? stdout : stderr);
    if (!good) return help(&c, stderr);
    c.command = find(&c);
    int code = c.command ? misused(&c) : unknown(&c);
    if (c.command && code == 0) code = c.command->run(&c);
    arena_deinit(&c.arena);
    return code;
}
