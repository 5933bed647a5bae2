#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "propagation_body.hpp"
#include "propagation_fading.hpp"

namespace picocell {
const PropagationOps& propagation_ops_avx512() {
    static const PropagationOps ops{avx512::add_noise, avx512::delay_line,  avx512::sinusoids,
                                    avx512::grid,      avx512::interpolate, avx512::max_group};
    return ops;
}
}  // namespace picocell
#endif
