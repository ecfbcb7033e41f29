# The tutorial.

o_timer := $(O)/samples/timer

SAMPLE_BINS  += $(o_timer)/timer
SAMPLE_TESTS += samples/timer/test_timer.py

$(o_timer)/timer: $(o_timer)/timer.o $(o_timer)/main.o $(SO)
	$(call say,LD)
	$(Q)$(CC) -o $@ $(filter %.o,$^) $(LDLIBS_API)
