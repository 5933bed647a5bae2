#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "turbo_body.hpp"

namespace picocell {
const TurboOps& turbo_ops_avx512() { return avx512::turbo_make_ops(); }
}  // namespace picocell
#endif
