# SPDX-License-Identifier: GPL-2.0-only
# What is installed: the command, the library in both forms, manual, completion, systemd units.
#
#   make install DESTDIR=/tmp/root PREFIX=/usr
#   make deb                    build/corepath_VERSION_ARCH.deb

PREFIX := /usr/local
DESTDIR :=
VERSION := $(shell sed -n 's/^\#define COREPATH_VERSION "\(.*\)"/\1/p' loader/include/corepath.h)
# Before 1.0 any version may change the interface of the library.
SONAME := libcorepath.so.0
PKG := $(B)/packaging

.PHONY: install deb

$(PKG)/help.json: $(B)/bin/corepath
	@mkdir -p $(@D)
	$< help --json > $@

$(PKG)/corepath.8: DOC := man
$(PKG)/corepath.bash: DOC := bash
$(PKG)/corepath.8 $(PKG)/corepath.bash: scripts/docs.py $(wildcard scripts/templates/corepath.*) $(PKG)/help.json
	scripts/docs.py $(DOC) < $(PKG)/help.json > $@

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
fill = sed -e 's|@prefix@|$(PREFIX)|; s|@sbindir@|$(PREFIX)/sbin|; s|@version@|$(VERSION)|'

install: all $(PKG)/corepath.8 $(PKG)/corepath.bash $(PKG)/$(SONAME) $(PKG)/libcorepath.a ## install corepath below DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/include/corepath $(DESTDIR)$(PREFIX)/lib/pkgconfig \
		$(DESTDIR)$(PREFIX)/lib/systemd/system $(DESTDIR)$(PREFIX)/share/man/man8 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/corepath
	install -s --strip-program=strip $(B)/bin/corepath $(DESTDIR)$(PREFIX)/sbin/corepath
	install -s --strip-program=strip $(B)/bin/corepath-metrics $(DESTDIR)$(PREFIX)/sbin/corepath-metrics
	install -m 644 loader/include/*.h $(DESTDIR)$(PREFIX)/include
	install -m 644 bpf-src/include/corepath/*.h $(DESTDIR)$(PREFIX)/include/corepath
	install -m 644 $(PKG)/libcorepath.a $(DESTDIR)$(PREFIX)/lib
	install -m 644 $(PKG)/$(SONAME) $(DESTDIR)$(PREFIX)/lib/$(SONAME)
	strip --strip-unneeded $(DESTDIR)$(PREFIX)/lib/$(SONAME)
	strip --strip-debug $(DESTDIR)$(PREFIX)/lib/libcorepath.a
	ln -sf $(SONAME) $(DESTDIR)$(PREFIX)/lib/libcorepath.so
	$(fill) loader/packaging/corepath.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/corepath.pc
	for unit in corepath.service corepath-sweep.service corepath-metrics.service; do \
		$(fill) loader/packaging/$$unit.in > $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit || exit; done
	install -m 644 loader/packaging/corepath-sweep.timer $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 644 $(PKG)/corepath.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 $(PKG)/corepath.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/corepath
	install -m 644 loader/datapath.schema.json loader/datapath.example.yaml $(DESTDIR)$(PREFIX)/share/corepath
	install -d $(DESTDIR)$(PREFIX)/share/corepath/prometheus
	install -m 644 loader/prometheus/corepath.rules.yml loader/prometheus/dashboard.json \
		$(DESTDIR)$(PREFIX)/share/corepath/prometheus

# dpkg-shlibdeps wants a source package's control file beside it. What corepath-metrics alone needs is no
# condition for the rest.
deb: ## a Debian package of corepath, in build/
	rm -rf $(PKG)/deb
	$(MAKE) install DESTDIR=$(CURDIR)/$(PKG)/deb/root PREFIX=/usr
	mkdir -p $(PKG)/deb/debian $(PKG)/deb/root/DEBIAN
	printf 'Source: corepath\n\nPackage: corepath\nArchitecture: any\n' > $(PKG)/deb/debian/control
	cd $(PKG)/deb && dpkg-shlibdeps -O -eroot/usr/lib/$(SONAME) -dRecommends -eroot/usr/sbin/corepath-metrics > depends
	gzip -9n $(PKG)/deb/root/usr/share/man/man8/corepath.8
	$(fill) -e "s|@arch@|$$(dpkg --print-architecture)|; s|@depends@|$$(sed -n 's/^shlibs:Depends=//p' $(PKG)/deb/depends)|; \
		s|@recommends@|$$(sed -n 's/^shlibs:Recommends=//p' $(PKG)/deb/depends)|" \
		loader/packaging/control.in > $(PKG)/deb/root/DEBIAN/control
	dpkg-deb --root-owner-group --build $(PKG)/deb/root $(B)
