# SPDX-License-Identifier: GPL-2.0-only

HOST_LIBS := -luv -ljansson -larchive -lelf -lcyaml -lxxhash
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

-include $(HOST_OBJ:.o=.d) $(INIT_OBJ:.o=.d)
