#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "sch_body.hpp"

namespace picocell {
const SchOps& sch_ops_avx512() { return avx512::sch_make_ops(); }
}  // namespace picocell
#endif
