#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "turbo_body.hpp"

namespace picocell {
const TurboOps& turbo_ops_avx2() { return avx2::turbo_make_ops(); }
}  // namespace picocell
#endif
