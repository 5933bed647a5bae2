#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "sch_body.hpp"

namespace picocell {
const SchOps& sch_ops_avx2() { return avx2::sch_make_ops(); }
}  // namespace picocell
#endif
