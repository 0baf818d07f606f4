# SPDX-License-Identifier: GPL-2.0-only

# libbpf is the distribution's: vmtest itself fetches the pinned one that loader and guests are built with.
HOST_LIBS := -luv -ljansson -larchive -lelf -lcyaml -lxxhash -lbpf
HOST_SRC := $(wildcard harness/host/*.c)
HOST_OBJ := $(HOST_SRC:%.c=$(B)/obj/%.o)
INIT_SRC := $(wildcard harness/guest/*.c)
INIT_OBJ := $(INIT_SRC:%.c=$(B)/obj/%.o)

all: $(B)/bin/vmtest $(B)/guest/init

$(HOST_OBJ) $(INIT_OBJ): $(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(B)/bin/vmtest: $(HOST_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $^ -o $@ $(HOST_LIBS)

# The guest has nothing but this file: no loader, no libraries.
$(B)/guest/init: $(INIT_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -s $^ -o $@ -ljansson

# Unit tests of what is pure in vmtest; they find their data from the tree's top.
HARNESS_TESTS := console_test judge_test features_test sweep_test needs_test
HARNESS_TEST_OBJ := $(HARNESS_TESTS:%=$(B)/obj/harness/tests/%.o)
HOST_TESTS += $(HARNESS_TESTS:%=$(B)/tests/%)

$(HARNESS_TEST_OBJ): $(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

$(HARNESS_TESTS:%=$(B)/tests/%): $(B)/tests/%: $(B)/obj/harness/tests/%.o $(filter-out %/main.o,$(HOST_OBJ))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $^ -o $@ -lcheck -lsubunit -lm -lrt -lpthread $(HOST_LIBS)

# The objects it looks into.
$(B)/tests/needs_test: | $(B)/fixtures/boundaries.bpf.o $(B)/fixtures/ct_lookup.bpf.o $(B)/bpf/xdp_prefilter.bpf.o

# A machine restored 2010 times on three kernels, not one failure allowed.
.PHONY: soak
soak: all $(B)/fixtures/soak ## restore saved machines 2,000 times; about 10 minutes
	$(B)/bin/vmtest test --kernel 5.10,6.12,7.2 --suites harness/tests/soak.yaml --isolate case \
		--quiet --results results/soak
	scripts/soak.py results/soak/latest

$(B)/fixtures/soak: harness/tests/soak.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -s $< -o $@

-include $(HARNESS_TEST_OBJ:.o=.d) $(HOST_OBJ:.o=.d) $(INIT_OBJ:.o=.d)
