#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "turbo_body.hpp"

namespace picocell {
const TurboOps& turbo_ops_base() { return base::turbo_make_ops(); }
}  // namespace picocell
