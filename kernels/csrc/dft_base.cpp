#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "dft_body.hpp"

namespace picocell {
const DftOps& dft_ops_base() { return base::dft_table; }
}  // namespace picocell
