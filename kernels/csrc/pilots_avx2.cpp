#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "pilots_body.hpp"

namespace picocell {
const PilotsOps& pilots_ops_avx2() {
    static const PilotsOps ops{avx2::pilots_turns};
    return ops;
}
}  // namespace picocell
#endif
