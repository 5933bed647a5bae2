#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "polar_body.hpp"

namespace picocell {
const PolarOps& polar_ops_base() { return base::polar_make_ops(); }
}  // namespace picocell
