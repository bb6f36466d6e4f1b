# The demo's part with another system: a contractor's monitoring cloud, a plain mosquitto with its own CA on loopback.
# Sourced by ./demo, whose functions it uses.
vendor_port=$((base + 34))
vendor=$state/vendor
linked() { [ -s "$state/pid/vendor-broker" ]; }
vendor_pub() { mosquitto_pub -h 127.0.0.1 -p "$vendor_port" --cafile "$vendor/ca.pem" -u vendor -P demo-only "$@"; }
peers() { cli -o json peer list; }
flows_live() { [ "$(peers | pick '[f["flow"] for p in d for f in p["flows"] if p["peer"]=="vendor-cloud" and f["state"]=="live"]' | wc -l)" = 3 ]; }
tightened_one() { peers | pick "[f['flow'] for p in d for f in p['flows'] if f['tightened'] and f['flow']=='$1']" | grep -q .; }
tightened() { tightened_one demand-in || tightened_one supply; }
seen() { peers | pick '[x["sight"] for p in d for x in p["seen"]]' | grep -qx "$1"; }
flow_number() { peers | pick "[f[\"$2\"] for p in d for f in p[\"flows\"] if f[\"flow\"]==\"$1\"]"; }
show_flows() {
  say "関所（相互連携）" "checkpoint (interconnection)"
  cli peer list; cli flow list
}

vendor_cloud() { # a broker as a contractor would run one: own CA, passwords
  mkdir -p "$vendor"; (cd "$vendor"
    printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\n' >ext
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout ca.key -out ca.pem -subj '/CN=Vendor CA (simulated)' -days 30
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out csr -subj '/CN=localhost'
    openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -out pem -days 20 -extfile ext
    mosquitto_passwd -b -c pw mizu demo-only; mosquitto_passwd -b pw vendor demo-only
    printf 'listener %s 127.0.0.1\ncafile %s\ncertfile %s\nkeyfile %s\nallow_anonymous false\npassword_file %s\nuser root\n' \
      "$vendor_port" "$vendor/ca.pem" "$vendor/pem" "$vendor/key.pem" "$vendor/pw" >conf) >>"$state/log/vendor.log" 2>&1
  spawn vendor-broker mosquitto -c "$vendor/conf"
  until_true 30 vendor_pub -t probe -m x || fail "監視クラウド（模擬）が起動しません" "the contractor's broker does not start"
  setsid bash -c 'while :; do printf "{\"t\":%s,\"v\":%s}\n" "$(date +%s%3N)" "$((800 + RANDOM % 200))"; sleep 2; done |
    mosquitto_pub -h 127.0.0.1 -p "$1" --cafile "$2" -u vendor -P demo-only -t mizu/forecast/demand -l' - "$vendor_port" "$vendor/ca.pem" >>"$state/log/vendor.log" 2>&1 </dev/null &
  echo $! >"$state/pid/vendor-forecast"
}
end_vendor() { # the loop has children of its own: the whole group ends
  [ ! -s "$state/pid/vendor-forecast" ] || { kill -- -"$(cat "$state/pid/vendor-forecast")" 2>/dev/null || true; rm -f "$state/pid/vendor-forecast"; }
  halt vendor-broker
}

agree() { # both owners sign; the newest signature is the one in force
  quiet peer new "$vendor/agreement.yaml" --out "$vendor/agreement.json"
  for r in mission-owner asset-owner; do quiet peer sign "$vendor/agreement.json" --key "$state/people/$r/$r.key"; done
  quiet peer apply "$vendor/agreement.json"
}

interconnect() {
  need_site
  if linked; then show_flows; return; fi
  tools/setup interconnect
  vendor_cloud
  sed "s/port: PORT/port: $vendor_port/; /ca: CA/{s/CA/|/;r /dev/stdin
}" examples/water/vendor-cloud.yaml < <(sed 's/^/    /' "$vendor/ca.pem") >"$vendor/agreement.yaml"
  mkdir -m 700 -p "$state/site/courier"; printf 'mizu\ndemo-only\n' >"$state/site/courier/vendor-cloud.password"; chmod 600 "$state/site/courier/vendor-cloud.password"
  agree
  until_true 30 flows_live || fail "連携が始まりません（sekimori peer list）" "the flows do not go live (sekimori peer list)"
  say "保守会社の監視クラウド（模擬）と、両責任者の署名した合意でつながりました" "linked to the contractor's cloud (simulated) by an agreement both owners signed"
  interconnect_supplier
  show_flows
}

attack_vendor() {
  need_site; linked || fail "先に ./demo interconnect" "run ./demo interconnect first"
  local t0 t1 passed refused
  passed=$(flow_number demand-in passed); refused=$(flow_number demand-in refused)
  vendor_pub -t mizu/pump/request -m '{"do":"start"}' -q 1
  t0=$(date +%s%N)
  vendor_pub -t mizu/pump/request -m '{"do":"drain"}' -q 1
  until_true 30 tightened_one demand-in || fail "30秒以内に厳しくなりません" "not tightened within 30 s"
  t1=$(date +%s%N)
  for i in $(seq 20000); do echo '{"t":1,"v":99999}'; done | vendor_pub -t mizu/forecast/demand -l || true
  flood_met() { [ $(( $(flow_number demand-in refused) - refused )) -ge 20000 ]; }
  until_true 40 flood_met || fail "洪水が観測されません" "the flood is not seen"
  passed=$(( $(flow_number demand-in passed) - passed )); refused=$(( $(flow_number demand-in refused) - refused ))
  say "攻撃の再現：乗っ取られた監視クラウドが、ポンプの起動（start）、合意にない操作（drain）、偽の予測値2万件を送った" \
      "attack: the contractor's cloud is taken over: it orders the pump to start, orders what was never agreed (drain), and floods 20,000 false forecasts"
  say "  $(( (t1 - t0) / 1000000 )) ms 後に連携データが厳しくなった（送信と確認のための起動を含む）" "  flows tightened $(( (t1 - t0) / 1000000 )) ms later (sending and asking included)"
  say "  start：二人の承認待ち。drain：拒否。予測値：拒否 $refused 件、通過 $passed 件（正しい予測は2秒ごとに1件）" \
      "  start: held for two people. drain: refused. Forecasts: $refused refused, $passed passed (a true one comes every 2 s)"
  show_flows
  echo; cli status || true
}

fix_vendor() { # the contractor has cleaned up; both owners sign again
  linked || return 0
  tightened_one demand-in || return 0
  sleep 1.2 # the agreement's dwell_s, 1 in the demo
  agree
  until_true 30 flows_live || fail "連携が戻りません" "the flows do not come back"
  say "両責任者が合意に署名し直した。連携先からの指令は送らない（10分で失効）" "both owners signed the agreement anew; the peer's order is not released (it expires in 10 min)"
}
