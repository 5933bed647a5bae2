// A code's decoding tree as a list of steps, with the nodes whose answer needs no further descent.
#pragma once

namespace picocell::PICOCELL_NS {

// Level l holds nodes of 2^l bits. The steps of a node name its level and its first bit.
enum PolarStep : uint8_t {
    polar_left,         // LLRs of the left child, which is this node, from its parent
    polar_left_cost,    // the same, of a child without information: only what it costs the paths
    polar_right,        // LLRs of the right child, with the bits of the left one
    polar_right_zero,   // the same, where these are zero
    polar_combine,      // bits of the node from those of its children
    polar_combine_zero, // the same, where those of the left one are zero
    polar_node_zero,    // no information
    polar_node_repeat,  // information in the last bit only
    polar_node_even,    // all but the first bit
    polar_node_free,    // all bits
    polar_node_parity,  // a parity bit
};

struct PolarAction {
    PolarStep step;
    uint8_t level;
    bool alone;  // done before paths part: LLRs are those of one path
    bool wakes;  // the LLRs that it reads are of one path, what it writes is of all
    uint16_t at;
};

constexpr int polar_max_levels = 11, polar_max_actions = 4096;
constexpr int polar_max_node = 6;  // largest level of an even or free node: 64 bits

struct PolarPlan {
    int actions;
    PolarAction action[polar_max_actions];
};

// `list`: costs of frozen bits count, and paths part at the first node with information.
class PolarPlanner {
  public:
    PolarPlanner(const PolarCode& code, bool list, PolarPlan* plan) : code_(code), list_(list), plan_(plan) {
        plan_->actions = 0;
        node(code.log_n, 0);
    }

  private:
    int count(PolarBit bit, int at, int n) const {
        return static_cast<int>(std::count(code_.bit + at, code_.bit + at + n, bit));
    }

    void add(PolarStep step, int level, int at, bool wakes = false) {
        plan_->action[plan_->actions++] = {step, uint8_t(level), !parted_, wakes, uint16_t(at)};
    }

    // Answers the node at once where that is possible.
    bool leaf(int level, int at) {
        const int n = 1 << level, info = count(polar_info, at, n), parity = count(polar_parity, at, n);
        if (info + parity == 0) {
            add(polar_node_zero, level, at);
            return true;
        }
        const bool small = level <= polar_max_node;
        PolarStep step;
        if (parity)
            step = polar_node_parity;
        else if (info == n)
            step = polar_node_free;
        else if (info == 1 && code_.bit[at + n - 1] == polar_info)
            step = polar_node_repeat;
        else if (info == n - 1 && code_.bit[at] == polar_frozen)
            step = polar_node_even;
        else
            return false;
        if (step == polar_node_parity ? level > 0 : step != polar_node_repeat && !small) return false;
        const bool wakes = !parted_;
        parted_ = list_;
        add(step, level, at, wakes && list_);
        return true;
    }

    void node(int level, int at) {
        single_[level] = !parted_;
        if (leaf(level, at)) return;
        const int below = level - 1, half = 1 << below;
        const bool zero = count(polar_frozen, at, half) == half;
        if (!zero) {
            add(polar_left, below, at);
            node(below, at);
        } else if (list_ && parted_) {
            add(polar_left_cost, below, at);
        }
        add(zero ? polar_right_zero : polar_right, below, at + half, parted_ && single_[level]);
        node(below, at + half);
        add(zero ? polar_combine_zero : polar_combine, level, at);
    }

    const PolarCode& code_;
    bool list_, parted_ = false;
    bool single_[polar_max_levels] = {};  // the node of this level that is open has LLRs of one path
    PolarPlan* plan_;
};

}  // namespace picocell::PICOCELL_NS
