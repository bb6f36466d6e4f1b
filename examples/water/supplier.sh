# The demo's part with a second whole site: the bulk supplier, with its own keys, people, record, mission, gateway and TPM. In a
# network namespace of its own where this machine lets us make one, else on other ports of loopback. Sourced by ./demo.
kawa=$state/kawa
far_ns=sekimori-$base far_if=sk$base
far=() far_host=localhost far_at=127.0.0.1
far_console=$((base + 4)) far_mqtt=$((base + 5)) far_https=$((base + 6)) far_est=$((base + 7)) far_peers=$((base + 8)) far_plant=$((base + 21)) far_tpm=$((base + 36))
supplier() { [ -s "$state/pid/kawa-sekimorid" ]; }
their() { "$bin/sekimori" --state "$kawa/site" --lang "$lang" "$@"; }
their_quiet() { their "$@" >>"$state/log/kawa-setup.log" 2>&1 || { tail -n 5 "$state/log/kawa-setup.log" >&2; fail "供給元の準備に失敗しました：sekimori $*" "the supplier's set-up failed: sekimori $*"; }; }
their_owner() { echo "$kawa/people/asset-owner.key"; }
far_tcti="swtpm:host=127.0.0.1,port=$far_tpm"
# Both ends of one line, in a block no network uses (RFC 2544).
far_net() { local n=$(( base % 8192 * 4 )); echo "198.$((18 + n / 65536)).$((n / 256 % 256)).$((n % 256 + $1))"; }

far_open() {
  [ -z "${SEKIMORI_DEMO_NO_NETNS:-}" ] && command -v ip >/dev/null || return 0
  far_close
  ip netns add "$far_ns" 2>/dev/null || return 0
  if ip link add "${far_if}a" type veth peer name "${far_if}b" netns "$far_ns" 2>/dev/null && ip addr add "$(far_net 1)/30" dev "${far_if}a" && ip link set "${far_if}a" up &&
    ip -n "$far_ns" addr add "$(far_net 2)/30" dev "${far_if}b" && ip -n "$far_ns" link set "${far_if}b" up && ip -n "$far_ns" link set lo up; then
    : >"$state/kawa-netns"
  else far_close; fi
}
far_close() { ip netns del "$far_ns" 2>/dev/null || true; ip link del "${far_if}a" 2>/dev/null || true; }
far_use() { [ ! -e "$state/kawa-netns" ] || { far=(ip netns exec "$far_ns"); far_host=$(far_net 2); far_at=0.0.0.0; }; }
far_do() { ${far[@]+"${far[@]}"} "$@"; }
far_spawn() { local name=$1; shift; spawn "$name" ${far[@]+"${far[@]}"} "$@"; }
far_ready() { far_do curl -fsS -m 5 "http://localhost:$far_console/ready"; }

their_boot() {
  far_do "$bin/sekimori-agent" boot --power-cycle --state "$kawa/device" --tcti "$far_tcti" --image "$kawa/device/firmware.img" >>"$state/log/kawa-gw-01.log" 2>&1
}
their_gateway() {
  far_spawn kawa-gw-01 "$bin/sekimori-agent" run --state "$kawa/device" --lang "$lang" --tcti "$far_tcti" --image "$kawa/device/firmware.img" --version 1.4 --every 1000 \
    --modbus "127.0.0.1:$far_plant" --map "$here/examples/water/plant.map"
}
their_limits() { their -o json limit list | pick "[x for x in d if x['state']=='$1']" | grep -q .; }
their_soundness() { [ "$(their -o json device list | pick '[x["id"] for x in d if x["trust"]=="attested"]' | wc -l)" = 1 ] && [ "$(their -o json assessment list | pick '[x["state"] for x in d[:1]]')" = within ]; }

their_site() { # keys, people, daemon, plant
  mkdir -p "$kawa/people" "$kawa/device"
  far_open; far_use
  make_tpm kawa-gw-01
  their init --site kawa --host "$far_host" --tpm-roots "$state/tpm/maker/roots.pem" --roles "$kawa/people" --custody "$kawa/custody" \
    --title-ja "川用水供給企業団（模擬）" --title-en "Kawa Bulk Water Supply (simulated)" --console-dir "$console" --peers "$far_at:$far_peers" \
    --mqtt "127.0.0.1:$far_mqtt" --https "127.0.0.1:$far_https" --est "127.0.0.1:$far_est" --console "127.0.0.1:$far_console" >"$state/log/kawa-init.log"
  sed -i 's/^host = .*/host = localhost/' "$kawa/site/sekimori.conf" # its own devices come by loopback; the certificate has both names
  far_spawn kawa-sekimorid "$bin/sekimorid" --state "$kawa/site"
  far_spawn kawa-plant "$build/examples/water/sekimori-water-plant" "$far_plant"
  far_spawn kawa-tpm swtpm socket --tpm2 --tpmstate dir="$state/tpm/kawa-gw-01" --server type=tcp,port="$far_tpm",bindaddr=127.0.0.1 \
    --ctrl type=tcp,port=$((far_tpm + 1)),bindaddr=127.0.0.1 --flags not-need-init
  until_true 20 far_do bash -c "exec 3<>/dev/tcp/127.0.0.1/$far_tpm"
  until_true 60 far_ready || fail "供給元の関守が起動しません" "the supplier's sekimorid does not start"
}
their_mission() { # model, reference, gateway, decision: signed by its own people
  local r url
  their_quiet mission new examples/water/supplier-mission.yaml --out "$kawa/mission.json"
  for r in mission-owner asset-owner; do their_quiet mission sign "$kawa/mission.json" --key "$kawa/people/$r.key"; done
  their_quiet mission apply "$kawa/mission.json"
  their_quiet device reference --model gateway --version 1.4 --image "$state/release/gateway-1.4.img" --key "$(their_owner)"
  for r in power local-loop; do their_quiet evidence new --control H1 --asset $r --days 180 --detail "drill 2026-09-18" --key "$(their_owner)"; done
  cp "$state/release/gateway-1.4.img" "$kawa/device/firmware.img"
  their_boot
  url=$(their -o json invite new gw-01 --role device --group gateways --model gateway | sed -n 's/.*"url":"\([^"]*\)".*/\1/p')
  far_do "$bin/sekimori-agent" join "$url" --state "$kawa/device" --tcti "$far_tcti" >>"$state/log/kawa-gw-01.log" 2>&1 || fail "供給元のゲートウェイが加われません" "the supplier's gateway cannot join"
  their_gateway
  until_true 40 their_soundness || fail "供給元の最初の確認結果が届きません" "the supplier's first evidence does not arrive"
  their_quiet decision new --id D-1 --out "$kawa/D-1.json" --enforce attested --loosen two --dwell 1 --reason-ja "残存リスクを許容する" --reason-en "accept the residual risk"
  for r in mission-owner asset-owner executive; do their_quiet decision sign "$kawa/D-1.json" --key "$kawa/people/$r.key"; done
  their_quiet decision apply "$kawa/D-1.json"
}
exchange_cards() { # as two people would, by a code both read out
  local code
  quiet peer invite --out "$state/mizu.card"
  their_quiet peer invite --listen "$far_host:$far_peers" --out "$kawa/kawa.card"
  code=$(cli peer accept "$kawa/kawa.card" --ours "$state/mizu.card" | sed -n '1s/.* //p')
  [ "$code" = "$(their peer accept "$state/mizu.card" --ours "$kawa/kawa.card" | sed -n '1s/.* //p')" ] || fail "照合コードが違います" "the codes differ"
  quiet peer accept "$kawa/kawa.card" --ours "$state/mizu.card" --code "$code"
  their_quiet peer accept "$state/mizu.card" --ours "$kawa/kawa.card" --code "$code"
  say "供給元と連携カードを交換し、双方で同じコード $code を確かめました" "cards exchanged with the supplier; both sides read the same code, $code"
}
agree_supplier() { # our two owners; the supplier's own sign theirs once
  local r
  if [ "${1:-}" = both ]; then
    their_quiet peer new examples/water/supplier-customer.yaml --out "$kawa/agreement.json"
    for r in mission-owner asset-owner; do their_quiet peer sign "$kawa/agreement.json" --key "$kawa/people/$r.key"; done
    their_quiet peer apply "$kawa/agreement.json"
  fi
  quiet peer new examples/water/supplier-agreement.yaml --out "$state/supplier.json"
  for r in mission-owner asset-owner; do quiet peer sign "$state/supplier.json" --key "$state/people/$r/$r.key"; done
  quiet peer apply "$state/supplier.json"
}
supply_is() { peers | pick "[1 for p in d if p['peer']=='kawa' for f in p['flows'] if f['flow']=='supply' and f['verdict']=='$1' and f['state']=='live']" | grep -q 1; }
interconnect_supplier() {
  mkdir -p "$state/pid"
  their_site; their_mission; exchange_cards; agree_supplier both
  until_true 40 supply_is allow || fail "供給元との連携が始まりません（sekimori peer list）" "the supplier's flows do not go live (sekimori peer list)"
  say "供給元（もう一つの関守。記録・鍵・人はすべて別）と、双方の責任者が署名した合意でつながりました$([ -e "$state/kawa-netns" ] && echo "（別のネットワーク名前空間）")" \
      "linked to the bulk supplier (another whole site: its own record, keys and people) by an agreement the owners of both sides signed$([ -e "$state/kawa-netns" ] && echo ", in a network namespace of its own")"
}
end_supplier() {
  local n
  for n in kawa-gw-01 kawa-sekimorid kawa-plant kawa-tpm; do halt $n; done
  [ ! -e "$state/kawa-netns" ] || far_close
}

attack_peer() { # one byte of the supplier's firmware; what we know of it is its own signed word
  need_site; supplier || fail "先に ./demo interconnect" "run ./demo interconnect first"
  far_use
  local t
  supply_is allow || fail "連携がもう厳しくなっています。先に ./demo fix" "the flows are tightened already; ./demo fix first"
  halt kawa-gw-01
  python3 - "$kawa/device/firmware.img" 4096 <<'P'
import sys
with open(sys.argv[1], 'r+b') as f:
    f.seek(int(sys.argv[2])); b = f.read(1)[0]; f.seek(int(sys.argv[2])); f.write(bytes([b ^ 1]))
P
  their_boot; their_gateway
  t=$(python3 examples/water/narrowed.py "$bin/sekimori" "$kawa/site" "$state/site") || fail "20秒以内に狭まりません" "not narrowed within 20 s"
  say "攻撃の再現：供給元のゲートウェイのファームウェアを1バイト変えて再起動した（供給元の対策が実際に不合格になった）" \
      "attack: one byte of the supplier's gateway firmware changed, gateway rebooted (a control of the supplier really fails)"
  say "  供給元で不合格と記録されてから $t ms 後に、当方の連携データが狭まった（外から二つの記録を読み比べて計測）" "  our flow narrowed $t ms after the supplier's own record had the failure (timed from outside, by both records)"
  cli peer show kawa
}
fix_supplier() {
  supplier && ! supply_is allow || return 0
  far_use
  halt kawa-gw-01
  cp "$state/release/gateway-1.4.img" "$kawa/device/firmware.img"
  their_boot; their_gateway
  until_true 40 their_limits good || fail "供給元が40秒以内に健全になりません" "the supplier is not sound again within 40 s"
  local id; for id in $(their -o json limit list | pick '[x["id"] for x in d if x["state"]=="good"]'); do their_quiet limit loosen "$id" --key "$kawa/people/mission-owner.key" --key "$(their_owner)"; done
  until_true 30 said_within || fail "供給元の表明が届きません" "the supplier's statement does not arrive"
  sleep 1.2 # the agreement's dwell_s, 1 in the demo
  agree_supplier
  until_true 40 supply_is allow || fail "供給元との連携が戻りません" "the supplier's flows do not come back"
  say "供給元が直り、そう表明した。当方の両責任者が合意に署名し直した" "the supplier mended its gateway and says so; our two owners signed the agreement anew"
}
said_within() { peers | pick "[1 for p in d if p['peer']=='kawa' and p['statement_within']]" | grep -q 1; }
