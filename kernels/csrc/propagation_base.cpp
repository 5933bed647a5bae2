#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "propagation_body.hpp"
#include "propagation_fading.hpp"

namespace picocell {
const PropagationOps& propagation_ops_base() {
    static const PropagationOps ops{base::add_noise, base::delay_line,  base::sinusoids,
                                    base::grid,      base::interpolate, base::max_group};
    return ops;
}
}  // namespace picocell
