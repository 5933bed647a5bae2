#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "ofdm_body.hpp"

namespace picocell {
const OfdmOps& ofdm_ops_avx2() { return avx2::ofdm_table; }
}  // namespace picocell
#endif
