#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 2
#include "isa_begin.hpp"
#include "chest_body.hpp"

namespace picocell {
const ChestOps& chest_ops_avx512() {
    static const ChestOps ops{avx512::chest_observe, avx512::chest_interpolate};
    return ops;
}
}  // namespace picocell
#endif
