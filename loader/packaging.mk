# SPDX-License-Identifier: GPL-2.0-only
# What is installed: the command, the library in both forms, manual, completion, systemd units.
#
#   make install DESTDIR=/tmp/root PREFIX=/usr
#   make deb                    build/{corepath,libcorepath0,libcorepath-dev}_VERSION_ARCH.deb

PREFIX := /usr/local
LIBDIR = $(PREFIX)/lib
DESTDIR :=
VERSION := $(shell sed -n 's/^\#define COREPATH_VERSION "\(.*\)"/\1/p' loader/include/corepath.h)
# Before 1.0 any version may change the interface of the library.
SONAME := libcorepath.so.0
PKG := $(B)/packaging
# What is made has the time of the source: of its last commit, or, where there is no git, of this file's.
SOURCE_TIME = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y loader/packaging.mk))

.PHONY: install deb packaging-date

# Written when it is another day only.
$(PKG)/date: packaging-date
	@mkdir -p $(@D)
	@date -ud @$(SOURCE_TIME) +%F > $@.tmp
	@if cmp -s $@.tmp $@; then rm $@.tmp; else mv $@.tmp $@; fi

$(PKG)/help.json: $(B)/bin/corepath
	@mkdir -p $(@D)
	$< help --json > $@

$(PKG)/corepath.8: DOC = man --date $$(cat $(PKG)/date)
$(PKG)/corepath.bash: DOC := bash
$(PKG)/corepath.8 $(PKG)/corepath.bash: scripts/docs.py $(wildcard scripts/templates/corepath.*) $(PKG)/help.json
	scripts/docs.py $(DOC) < $(PKG)/help.json > $@
$(PKG)/corepath.8: $(PKG)/date

# Built with the pinned libbpf, which stays inside: no symbol of it is seen, none of another is taken.
$(PKG)/$(SONAME): $(call loader_objects,lib) $(LIBBPF_A) loader/lib/libcorepath.map
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=loader/lib/libcorepath.map \
		-Wl,-z,defs -o $@ $(filter %.o %.a,$^) -lyaml -lelf -lz

$(PKG)/libcorepath.a: $(call loader_objects,lib) $(LIBBPF_A)
	@mkdir -p $(@D)
	ld -r -o $(@:.a=.o) $^
	objcopy --wildcard --keep-global-symbol='corepath_*' $(@:.a=.o)
	rm -f $@
	ar rcsD $@ $(@:.a=.o)

# Paths in them are those of PREFIX, which may be another one the next time.
fill = sed -e 's|@prefix@|$(PREFIX)|; s|@libdir@|$(LIBDIR)|; s|@sbindir@|$(PREFIX)/sbin|; s|@version@|$(VERSION)|' \
	-e "s|@date@|$$(cat $(PKG)/date)|"

install: all $(PKG)/corepath.8 $(PKG)/corepath.bash $(PKG)/$(SONAME) $(PKG)/libcorepath.a ## install corepath below DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/include/corepath $(DESTDIR)$(LIBDIR)/pkgconfig \
		$(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/man/man8 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/corepath
	install -s --strip-program=strip $(B)/bin/corepath $(DESTDIR)$(PREFIX)/sbin/corepath
	install -s --strip-program=strip $(B)/bin/corepath-metrics $(DESTDIR)$(PREFIX)/sbin/corepath-metrics
	install -m 644 loader/include/*.h $(DESTDIR)$(PREFIX)/include
	install -m 644 bpf-src/include/corepath/*.h $(DESTDIR)$(PREFIX)/include/corepath
	install -m 644 $(PKG)/libcorepath.a $(DESTDIR)$(LIBDIR)
	install -m 644 $(PKG)/$(SONAME) $(DESTDIR)$(LIBDIR)/$(SONAME)
	strip --strip-unneeded $(DESTDIR)$(LIBDIR)/$(SONAME)
	strip --strip-debug $(DESTDIR)$(LIBDIR)/libcorepath.a
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libcorepath.so
	$(fill) loader/packaging/corepath.pc.in > $(DESTDIR)$(LIBDIR)/pkgconfig/corepath.pc
	for unit in corepath.service corepath-sweep.service corepath-metrics.service corepath-record.service; do \
		$(fill) loader/packaging/$$unit.in > $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit; done
	install -m 644 loader/packaging/corepath-sweep.timer $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 644 $(PKG)/corepath.8 $(DESTDIR)$(PREFIX)/share/man/man8
	$(fill) loader/packaging/corepath-metrics.8.in > $(DESTDIR)$(PREFIX)/share/man/man8/corepath-metrics.8
	install -m 644 $(PKG)/corepath.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/corepath
	install -m 644 loader/datapath.schema.json loader/datapath.example.yaml $(DESTDIR)$(PREFIX)/share/corepath
	install -d $(DESTDIR)$(PREFIX)/share/corepath/prometheus
	install -m 644 loader/prometheus/corepath.rules.yml loader/prometheus/dashboard.json \
		$(DESTDIR)$(PREFIX)/share/corepath/prometheus

deb: DEB_LIBDIR = /usr/lib/$(shell dpkg-architecture -qDEB_HOST_MULTIARCH)
deb: ## Debian packages of corepath, in build/
	rm -rf $(PKG)/deb $(B)/*corepath*.deb
	$(MAKE) install DESTDIR=$(CURDIR)/$(PKG)/deb/root PREFIX=/usr LIBDIR=$(DEB_LIBDIR)
	SOURCE_DATE_EPOCH=$(SOURCE_TIME) loader/packaging/deb.sh $(PKG)/deb $(VERSION) $(SONAME) $(DEB_LIBDIR) $(CURDIR)/$(B)
