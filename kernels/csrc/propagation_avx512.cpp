#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "propagation_body.hpp"

namespace picocell {
const PropagationOps& propagation_ops_avx512() {
    static const PropagationOps ops{avx512::add_noise, avx512::fir};
    return ops;
}
}  // namespace picocell
#endif
