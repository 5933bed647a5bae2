#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "ofdm_body.hpp"

namespace picocell {
const OfdmOps& ofdm_ops_avx512() { return avx512::ofdm_table; }
}  // namespace picocell
#endif
