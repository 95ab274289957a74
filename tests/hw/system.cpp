// Steps two stub chips through what standard input says, one line per step: clocks of chips 0 and 1, flipped bits of
// wires 0 and 1, whether wires 0 and 1 are cut. Prints, per step, the last word and the number of words that each link
// has heard: chip 0's links 0 and 1, then chip 1's.
#include <cstdio>

#include "Vtop.h"
#include "verilated.h"

int main() {
    static Vtop top;
    unsigned clk0, clk1, flip0, flip1, cut0, cut1;
    top.chip0_rst = top.chip1_rst = 0;
    while (std::scanf("%u %u %u %u %u %u", &clk0, &clk1, &flip0, &flip1, &cut0, &cut1) == 6) {
        top.wire0_flip = flip0;
        top.wire1_flip = flip1;
        top.wire0_cut = cut0;
        top.wire1_cut = cut1;
        top.chip0_clk = clk0;
        top.chip1_clk = clk1;
        top.eval();
        std::printf("%d %d %d %d %d %d %d %d\n", top.chip0_word0, top.chip0_count0, top.chip0_word1, top.chip0_count1,
                    top.chip1_word0, top.chip1_count0, top.chip1_word1, top.chip1_count1);
    }
}
