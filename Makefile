# A thin front; Meson and Ninja do the work.
BUILD ?= build
.PHONY: all test asan fuzz bench calm sim clean
all:
	@[ -d $(BUILD) ] || meson setup $(BUILD)
	@ninja -C $(BUILD)
test: all
	meson test -C $(BUILD) --print-errorlogs
asan:
	@[ -d $(BUILD)-asan ] || meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Doptimization=1
	ninja -C $(BUILD)-asan && meson test -C $(BUILD)-asan --print-errorlogs
fuzz:
	@[ -d $(BUILD)-fuzz ] || CC=clang meson setup $(BUILD)-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
	ninja -C $(BUILD)-fuzz
bench: all
	ninja -C $(BUILD) sekimori-bench tests/bench/sekimori-grants-bench tests/bench/sekimori-record-bench tests/bench/sekimori-risk-bench
	SEKIMORI_BUILD=$(abspath $(BUILD)) python3 tests/bench/run.py $(BENCH)
# What one link of the first mission notices of each adversary: one table.
calm: all
	ninja -C $(BUILD) sekimori-bench
	SEKIMORI_BUILD=$(abspath $(BUILD)) python3 tests/bench/calm.py $(BENCH)
# One run again: make sim SEED=n
sim: all
	SEED=$(SEED) $(BUILD)/tests/sim/sim-sim_test && SEED=$(SEED) $(BUILD)/tests/sim/sim-mission_sim_test && SEED=$(SEED) $(BUILD)/tests/sim/sim-flow_sim_test
clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-fuzz
