# The tutorial: a library with marks, what `ferry gen` makes of it, and a program
# in C++ and one in Python. The demo uses it too.

tm     := samples/timer
o_tm   := $(O)/$(tm)
tm_gen := $(tm)/generated

SAMPLE_BINS  += $(o_tm)/libferry_timer.so $(o_tm)/timer
# Python loads the plain library only.
SAMPLE_TESTS += $(tm)/test_timer.py $(if $(SAN),,$(tm)/test_python.py)
DEMO         += $(o_tm)/libferry_timer.so
# What is checked in is what the generator writes.
GENERATED    += $(tm)/timer.h:$(tm_gen)

tm_objects := $(o_tm)/timer.o $(o_tm)/generated/c/timer_ferry.o

$(tm_objects): SAMPLE_CFLAGS = -I$(tm) -I$(tm_gen)/c

$(o_tm)/libferry_timer.so: $(tm_objects) $(SO)
	$(call say,LD)
	$(Q)$(CC) -shared -Wl,-z,nodelete $(if $(SAN),,-Wl,-z,defs) -o $@ \
		$(filter %.o,$^) $(LDLIBS_API)

$(o_tm)/main.o: $(tm)/main.cc
	$(call say,CXX)
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CXXFLAGS_API) -std=c++20 -MMD -MP \
		-I$(tm_gen)/cpp/include -c -o $@ $<

$(o_tm)/timer: $(o_tm)/main.o $(o_tm)/libferry_timer.so
	$(call say,LD)
	$(Q)$(CXX) -o $@ $< -L$(o_tm) -lferry_timer -Wl,-rpath,'$$ORIGIN' \
		$(LDLIBS_API)
