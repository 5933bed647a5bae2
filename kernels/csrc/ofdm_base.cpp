#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "ofdm_body.hpp"

namespace picocell {
const OfdmOps& ofdm_ops_base() { return base::ofdm_table; }
}  // namespace picocell
