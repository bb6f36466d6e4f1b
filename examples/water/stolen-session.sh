# The demo's part with a maintenance company's credentials: used by its person within a work permit, then by somebody else outside
# it. Sourced by ./demo, whose functions it uses.
contractor() { cat "$state/contractor" 2>/dev/null || true; }
sends() { # topic payload: with the contractor's own key and certificate
  "$bin/sekimori-agent" pub "sk/v1/$site/$1" "$2" --state "$state/device/$(contractor)" --lang "$lang" 2>&1 | sed 's/^/  /' || true
}
setpoint() { sends gw-02/cmd/level-start "{\"do\":\"set\",\"value\":\"$1\",\"id\":\"work-$(date +%s%N)\"}"; }
done_within() { cli -o json ledger list --kind command | pick "[x for x in d if x['payload'].get('permit')=='$1' and x['payload']['what']=='command-delivered']" | grep -q .; }

hire() { # a person of the maintenance company and his tool's identity; the supervisor is one of ours
  local n=1; while [ -d "$state/device/contractor-$n" ]; do n=$((n + 1)); done
  [ $n -gt 1 ] || quiet user new shift-1 --role operator --name "運転当直" --reason "supervises maintenance work"
  echo "contractor-$n" >"$state/contractor"
  join "contractor-$n" contractor maintenance ""
}
planned_work() { # asked for by the control room, approved by the asset owner's signature, begun and ended under supervision
  local id
  id=$(cli -o json work request --subject "$(contractor)" --person "山田 太郎" --company "水機メンテナンス（模擬）" --number "R8-041" --minutes 60 \
    --stream "sk/v1/$site/gw-02/cmd/+" --supervisor shift-1 --purpose "配水池の水位設定の調整" --requester shift-1 | pick '[d["id"]]')
  quiet work approve "$id" --key "$(owner)"
  quiet work start "$id"
  say "$id：山田 太郎（水機メンテナンス）の作業申請。システム責任者が承認、立会い shift-1、作業中" "$id: work permit for Yamada Taro (contractor); approved by the asset owner, supervised by shift-1, under way"
  say "時間内に、ポンプの起動水位を 2.6 m に：" "within its window, the pump's start level to 2.6 m:"; setpoint 2.6
  until_true 20 done_within "$id" || fail "作業中の指令が記録されません" "the order within the permit is not in the record"
  say "  通った。作業許可の番号とともに記録した" "  it passed, recorded with the permit's number"
  quiet work stop "$id" --reason "設定の調整を終えた"
  say "  作業を終えた。記録：sekimori work show $id、sekimori ledger list --kind command" "  work ended. Record: sekimori work show $id, sekimori ledger list --kind command"
}
attack_stolen() {
  need_site
  [ -n "$(contractor)" ] || { hire; planned_work; }
  say "攻撃の再現：同じ資格情報が盗まれ、作業時間の外で使われる。起動水位を 0.6 m に：" "attack: the same credentials, stolen, used outside the window: start level to 0.6 m:"; setpoint 0.6
  say "水位の偽の値：" "a false level:"; sends gw-02/m/level-upper '{"v":4.9}'
  until_true 20 told || fail "警報が出ません" "no alert"
  cli watch list | sed 's/^/  /'
  say "  警報と計測値は止めず、現場の自動制御がポンプを動かし続けます" "  alarms and readings stay; the local loop keeps the pump working"
  say "なぜ：" "why:"; cli why "$(contractor)" command "sk/v1/$site/gw-02/cmd/level-start" --payload '{"do":"set","value":"0.6"}' | sed 's/^/  /' || true
}
told() { cli -o json watch list | pick '[x for x in d if x["what"]=="outside-permit"]' | grep -q .; }
fix_stolen() { # the stolen credentials are worth nothing any more; what they ordered is never sent
  [ -n "$(contractor)" ] || return 0
  quiet device revoke "$(contractor)" --reason "資格情報の盗用"
  say "$(contractor)：資格情報を失効した。保留中の指令は送られない（新しい資格情報は次の作業のときに渡す）" "$(contractor): revoked; what it ordered is never sent (new credentials are handed out with the next work)"
  rm -f "$state/contractor"
}
