#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "propagation_body.hpp"
#include "propagation_fading.hpp"

namespace picocell {
const PropagationOps& propagation_ops_avx2() {
    static const PropagationOps ops{avx2::add_noise, avx2::delay_line,  avx2::sinusoids,
                                    avx2::grid,      avx2::interpolate, avx2::max_group};
    return ops;
}
}  // namespace picocell
#endif
