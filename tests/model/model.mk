# The spin models: every variant is one test. model-run has the quick tier
# (QUICK=1: without the weakened twins), model-run-full everything; which there
# are is said in the models themselves.

models = $(foreach v,$(shell $(PYTHON) tests/model/run --list $1),\
	 "tests/model/run $v")

model-run:
	@$(RUN) $(call models,$(if $(QUICK),runs,quick))

model-run-full:
	@T_LIMIT=3600 $(RUN) $(call models,all)

.PHONY: model-run model-run-full
