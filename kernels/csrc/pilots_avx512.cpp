#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "pilots_body.hpp"

namespace picocell {
const PilotsOps& pilots_ops_avx512() {
    static const PilotsOps ops{avx512::pilots_turns};
    return ops;
}
}  // namespace picocell
#endif
