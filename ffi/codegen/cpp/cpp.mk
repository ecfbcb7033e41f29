# C++: the headers of the zoo, the ark and the rill, and the programs that use them.

cpp_runtime = $(wildcard include/ferry/*.hpp)
cpp_from    = $(wildcard ffi/codegen/*.lua ffi/codegen/cpp/*.lua \
	      ffi/codegen/cpp/*.tpl) $(cpp_runtime)
cpp_gen    := $(O)/tests/codegen/cpp/gen

cpp_of   := zoo ark rill
cpp_made := $(cpp_of:%=$(cpp_gen)/cpp/include/%.hpp)
cpp_libs := $(foreach l,$(cpp_of),$(O)/tests/codegen/$l/lib$l.so)

# No others: those of the runtime, which come along, are no target's.
$(cpp_made): $(cpp_gen)/cpp/include/%.hpp: $(TOOL) $(cpp_from) \
		include/ferry/marks.h
	$(call say,GEN)
	$(Q)$(TOOL) gen tests/codegen/$*/$*.h --lang cpp -o $(cpp_gen)
	$(Q)touch $@

$(foreach l,$(cpp_of),$(eval $(cpp_gen)/cpp/include/$l.hpp: \
	tests/codegen/$l/$l.h))

# With a sanitizer gcc 12 is four times as long at it where it optimizes, and takes
# lengths for what they can never be.
CXXFLAGS_CPP = -std=c++20 -Wall -Wextra -Wshadow -Wno-maybe-uninitialized \
	       $(if $(filter 1,$(WERROR)),-Werror) -fPIC -pthread \
	       -MMD -MP $(san_flags) $(CFLAGS) $(if $(SAN),-O0) \
	       -I$(cpp_gen)/cpp/include -Iinclude -Itests

CPP_TESTS := $(patsubst %.cc,$(O)/%,$(wildcard tests/codegen/cpp/*.cc))

# What it wants in its first line after "Links:".
cpp_links  = $(foreach l,$(shell sed -n 's/^ \* Links: //p' $1),$\
	     $(O)/tests/codegen/$l/lib$l.so)

$(O)/tests/codegen/cpp/%.o: tests/codegen/cpp/%.cc | $(cpp_made)
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CXXFLAGS_CPP) -c -o $@ $<

$(CPP_TESTS): $(O)/%: $(O)/%.o $(SO) $(cpp_libs)
	$(call say,LD)
	$(Q)$(CXX) -o $@ $(filter %.o,$^) -Wl,--no-as-needed \
		$(call cpp_links,$(patsubst $(O)/%,%.cc,$@)) \
		$(cpp_of:%=-Wl,-rpath,'$(abspath $(O))/tests/codegen/%') \
		$(LDLIBS_API)

$(O)/tests/codegen/cpp/plain.o: CXXFLAGS_CPP += -fno-exceptions

CODEGEN_BINS  += $(CPP_TESTS)
CODEGEN_TESTS += $(CPP_TESTS) $(if $(SAN),,tests/codegen/cpp/package \
		 tests/codegen/cpp/forms tests/codegen/cpp/names)
CODEGEN_SAN   += $(CPP_TESTS)

-include $(wildcard $(O)/tests/codegen/cpp/*.d)

#: make bench-cpp        what a call in C++ costs over one by hand in C
bench-cpp: $(O)/tests/codegen/cpp/bench/bench
	@$< 1001

$(O)/tests/codegen/cpp/bench/bench: tests/codegen/cpp/bench/bench.cc $(SO) \
		$(O)/tests/codegen/zoo/libzoo.so $(cpp_gen)/cpp/include/zoo.hpp
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CXXFLAGS_CPP) -o $@ $< \
		$(O)/tests/codegen/zoo/libzoo.so \
		-Wl,-rpath,'$(abspath $(O))/tests/codegen/zoo' $(LDLIBS_API)

.PHONY: bench-cpp
