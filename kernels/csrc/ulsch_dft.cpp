// The transforms' tables, for the whole-PUSCH call.
#include "dft_plan.cpp"
