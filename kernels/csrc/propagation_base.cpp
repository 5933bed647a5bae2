#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "propagation_body.hpp"

namespace picocell {
const PropagationOps& propagation_ops_base() {
    static const PropagationOps ops{base::add_noise, base::fir};
    return ops;
}
}  // namespace picocell
