#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "gold_body.hpp"

namespace picocell {
const GoldOps& gold_ops_base() {
    static const GoldOps ops{base::gold_packed, base::gold_bits};
    return ops;
}
}  // namespace picocell
