# Python: the wheel of the runtime, and its tests.

python_runtime = ffi/codegen/python/runtime
python_runtime_files = $(wildcard $(python_runtime)/ferry_runtime/*) \
		       $(python_runtime)/build_wheel.py \
		       $(python_runtime)/pyproject.toml

#: make wheels           Python's wheel of the runtime, into build/wheels
wheels: $(O)/wheels/.runtime

.PHONY: wheels

$(O)/wheels/libferry.so.0: $(SO_REAL)
	$(Q)mkdir -p $(@D)
	$(Q)$(OBJCOPY) --strip-debug $< $@

$(O)/wheels/.runtime: $(O)/wheels/libferry.so.0 $(python_runtime_files)
	$(call say,PY)
	$(Q)rm -f $(@D)/ferry_runtime-*.whl
	$(Q)$(PYTHON) -B $(python_runtime)/build_wheel.py $(@D) $< >/dev/null
	$(Q)touch $@

# The hand-written packages that its tests call. Python loads the plain library
# only: a sanitizer would have to be in python.
counters = $(patsubst %,$(O)/tests/codegen/python/lib%_ferry.so,$\
	   counter other format abi)
counter_other = -DOTHER
counter_format = -DFORMAT=9
counter_abi = -DABI=99

$(counters): $(O)/tests/codegen/python/lib%_ferry.so: \
		tests/codegen/python/runtime/counter_ferry.c $(SO)
	$(call say,LD)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_API) $(counter_$*) -shared -o $@ $< $(LDLIBS_API)

CODEGEN_BINS  += $(if $(SAN),,$(counters) $(O)/wheels/.runtime)
CODEGEN_TESTS += $(if $(SAN),,$(sort $(wildcard \
		 tests/codegen/python/runtime/test_*.py)))
