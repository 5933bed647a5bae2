#define PICOCELL_ISA_LEVEL 0
#include "isa_begin.hpp"
#include "modem_body.hpp"

namespace picocell {
const ModemOps& modem_ops_base() { return base::modem_table; }
}  // namespace picocell
