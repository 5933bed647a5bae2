#if defined(__x86_64__)
#define PICOCELL_ISA_LEVEL 1
#include "isa_begin.hpp"
#include "gold_body.hpp"

namespace picocell {
const GoldOps& gold_ops_avx2() {
    static const GoldOps ops{avx2::gold_packed, avx2::gold_bits};
    return ops;
}
}  // namespace picocell
#endif
