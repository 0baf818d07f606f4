# SPDX-License-Identifier: GPL-2.0-only
# libcorepath.a, the corepath command, and the unit tests of what needs no kernel.

LOADER_CPPFLAGS := -Iloader/include -Ibpf-src/include -isystem $(LIBBPF_INC) -isystem $(B)/bpf
LOADER_OBJ := $(patsubst %.c,$(B)/obj/%.o,$(wildcard loader/*/*.c))
# $(call loader_objects,FOLDER): the objects of one folder
loader_objects = $(filter $(B)/obj/loader/$(1)/%,$(LOADER_OBJ))

LIBCOREPATH_A := $(B)/libcorepath.a

all: $(LIBCOREPATH_A) $(B)/bin/corepath

# libbpf's headers are made with its library
$(LOADER_OBJ): $(B)/obj/%.o: %.c | $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LOADER_CPPFLAGS) -MMD -MP -c $< -o $@

# -MMD leaves out what is found by -isystem, and the skeletons are
$(B)/obj/loader/lib/up.o: $(BPF_SKEL)

$(LIBCOREPATH_A): $(call loader_objects,lib)
	rm -f $@
	ar rcsD $@ $^

# Static, so that the binary the VMs test is the binary that ships, and it runs where there is
# nothing else.
$(B)/bin/corepath: $(call loader_objects,cmd) $(LIBCOREPATH_A) $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -static -o $@ $^ -ljansson -lelf -lz

HOST_TESTS += $(B)/tests/prefix_text_test

$(B)/tests/prefix_text_test: $(call loader_objects,tests) $(LIBCOREPATH_A) $(LIBBPF_A)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -o $@ $^ -lelf -lz -lcheck -lsubunit -lm -lrt -lpthread

check-host: $(B)/tests/prefix_text_test

-include $(LOADER_OBJ:.o=.d)
