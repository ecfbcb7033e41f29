# Python: the packages that are generated for tests, and what runs them.

python_from := $(wildcard ffi/codegen/*.lua $(addprefix \
	       ffi/codegen/python/*.,lua tpl))
python_of   := zoo twins ark
python_made := $(patsubst %,$(O)/tests/codegen/python/%/.made,$(python_of))

$(eval $(call codegen_lib,twins))

$(python_made): $(O)/tests/codegen/python/%/.made: $(TOOL) $(python_from)
	$(call say,GEN)
	$(Q)mkdir -p $(@D)
	$(Q)$(TOOL) gen tests/codegen/$*/$*.h --lang python -o $(@D)
	$(Q)touch $@
$(foreach n,$(python_of),$(eval \
	$(O)/tests/codegen/python/$n/.made: tests/codegen/$n/$n.h))

# Python loads the plain library only: a sanitizer would have to be in python.
CODEGEN_BINS  += $(if $(SAN),,$(python_made))
CODEGEN_TESTS += $(if $(SAN),,$(sort $(wildcard \
		 tests/codegen/python/test_*.py)))
