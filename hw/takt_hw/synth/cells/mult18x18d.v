// Model of the ECP5's 18-bit multiplier, from Lattice's sysDSP usage guide for ECP5 (TN1267, FPGA-TN-02205).
//
// Here: operands of general routing or the shift chain, input, pipeline and output registers with one of four clocks,
// enables and resets, synchronous or not, each operand signed or not. Not here, and refused where a simulator elaborates:
// operand C, the bypass, clocks of double speed.

`default_nettype none

// One of the multiplier's registers: clock "NONE" makes it a wire.
module takt_dsp_register #(
    parameter WIDTH = 18,
    parameter [127:0] CLOCK = "NONE",
    parameter [127:0] ENABLE = "CE0",
    parameter [127:0] RESET = "RST0",
    parameter [127:0] RESETMODE = "SYNC"
) (
    input wire [3:0] clk,
    input wire [3:0] ce,
    input wire [3:0] rst,
    input wire [WIDTH-1:0] d,
    output wire [WIDTH-1:0] q
);
  wire chosen_ce = ENABLE == "CE3" ? ce[3] : ENABLE == "CE2" ? ce[2] : ENABLE == "CE1" ? ce[1] : ce[0];
  wire chosen_rst = RESET == "RST3" ? rst[3] : RESET == "RST2" ? rst[2] : RESET == "RST1" ? rst[1] : rst[0];

  generate
    if (CLOCK == "NONE") begin : wired
      assign q = d;
    end else begin : registered
      wire c = CLOCK == "CLK3" ? clk[3] : CLOCK == "CLK2" ? clk[2] : CLOCK == "CLK1" ? clk[1] : clk[0];
      reg [WIDTH-1:0] value;
      initial value = 0;
      assign q = value;
      if (RESETMODE == "ASYNC") begin : asynchronous
        always @(posedge c or posedge chosen_rst)
          if (chosen_rst) value <= 0;
          else if (chosen_ce) value <= d;
      end else begin : synchronous
        always @(posedge c)
          if (chosen_rst) value <= 0;
          else if (chosen_ce) value <= d;
      end
    end
  endgenerate
endmodule

module MULT18X18D (
    input wire A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input wire B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input wire C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input wire SIGNEDA, SIGNEDB, SOURCEA, SOURCEB,
    input wire CLK3, CLK2, CLK1, CLK0,
    input wire CE3, CE2, CE1, CE0,
    input wire RST3, RST2, RST1, RST0,
    input wire SRIA17, SRIA16, SRIA15, SRIA14, SRIA13, SRIA12, SRIA11, SRIA10, SRIA9, SRIA8, SRIA7, SRIA6,
        SRIA5, SRIA4, SRIA3, SRIA2, SRIA1, SRIA0,
    input wire SRIB17, SRIB16, SRIB15, SRIB14, SRIB13, SRIB12, SRIB11, SRIB10, SRIB9, SRIB8, SRIB7, SRIB6,
        SRIB5, SRIB4, SRIB3, SRIB2, SRIB1, SRIB0,
    output wire SROA17, SROA16, SROA15, SROA14, SROA13, SROA12, SROA11, SROA10, SROA9, SROA8, SROA7, SROA6,
        SROA5, SROA4, SROA3, SROA2, SROA1, SROA0,
    output wire SROB17, SROB16, SROB15, SROB14, SROB13, SROB12, SROB11, SROB10, SROB9, SROB8, SROB7, SROB6,
        SROB5, SROB4, SROB3, SROB2, SROB1, SROB0,
    output wire ROA17, ROA16, ROA15, ROA14, ROA13, ROA12, ROA11, ROA10, ROA9, ROA8, ROA7, ROA6, ROA5, ROA4,
        ROA3, ROA2, ROA1, ROA0,
    output wire ROB17, ROB16, ROB15, ROB14, ROB13, ROB12, ROB11, ROB10, ROB9, ROB8, ROB7, ROB6, ROB5, ROB4,
        ROB3, ROB2, ROB1, ROB0,
    output wire ROC17, ROC16, ROC15, ROC14, ROC13, ROC12, ROC11, ROC10, ROC9, ROC8, ROC7, ROC6, ROC5, ROC4,
        ROC3, ROC2, ROC1, ROC0,
    output wire P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17,
        P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0,
    output wire SIGNEDP
);
  parameter REG_INPUTA_CLK = "NONE";
  parameter REG_INPUTA_CE = "CE0";
  parameter REG_INPUTA_RST = "RST0";
  parameter REG_INPUTB_CLK = "NONE";
  parameter REG_INPUTB_CE = "CE0";
  parameter REG_INPUTB_RST = "RST0";
  parameter REG_INPUTC_CLK = "NONE";
  parameter REG_INPUTC_CE = "CE0";
  parameter REG_INPUTC_RST = "RST0";
  parameter REG_PIPELINE_CLK = "NONE";
  parameter REG_PIPELINE_CE = "CE0";
  parameter REG_PIPELINE_RST = "RST0";
  parameter REG_OUTPUT_CLK = "NONE";
  parameter REG_OUTPUT_CE = "CE0";
  parameter REG_OUTPUT_RST = "RST0";
  parameter CLK0_DIV = "ENABLED";
  parameter CLK1_DIV = "ENABLED";
  parameter CLK2_DIV = "ENABLED";
  parameter CLK3_DIV = "ENABLED";
  parameter HIGHSPEED_CLK = "NONE";
  parameter GSR = "ENABLED";
  parameter CAS_MATCH_REG = "FALSE";
  parameter [127:0] SOURCEB_MODE = "B_SHIFT";
  parameter [127:0] MULT_BYPASS = "DISABLED";
  parameter RESETMODE = "SYNC";

  generate
    if (SOURCEB_MODE != "B_SHIFT" || MULT_BYPASS != "DISABLED" || HIGHSPEED_CLK != "NONE") begin : refused
      mode_of_MULT18X18D_must_be_modelled not_modelled ();
    end
  endgenerate

  wire [3:0] clk = {CLK3, CLK2, CLK1, CLK0};
  wire [3:0] ce = {CE3, CE2, CE1, CE0};
  wire [3:0] rst = {RST3, RST2, RST1, RST0};
  wire [17:0] operand_a = SOURCEA ? {SRIA17, SRIA16, SRIA15, SRIA14, SRIA13, SRIA12, SRIA11, SRIA10, SRIA9, SRIA8, SRIA7, SRIA6, SRIA5, SRIA4,
      SRIA3, SRIA2, SRIA1, SRIA0}
      : {A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
  wire [17:0] operand_b = SOURCEB ? {SRIB17, SRIB16, SRIB15, SRIB14, SRIB13, SRIB12, SRIB11, SRIB10, SRIB9, SRIB8, SRIB7, SRIB6, SRIB5, SRIB4,
      SRIB3, SRIB2, SRIB1, SRIB0}
      : {B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};

  // A sign goes with its operand through the same register.
  wire [18:0] a, b;
  takt_dsp_register #(.WIDTH(19), .CLOCK(REG_INPUTA_CLK), .ENABLE(REG_INPUTA_CE), .RESET(REG_INPUTA_RST),
      .RESETMODE(RESETMODE)) input_a (.clk(clk), .ce(ce), .rst(rst), .d({SIGNEDA, operand_a}), .q(a));
  takt_dsp_register #(.WIDTH(19), .CLOCK(REG_INPUTB_CLK), .ENABLE(REG_INPUTB_CE), .RESET(REG_INPUTB_RST),
      .RESETMODE(RESETMODE)) input_b (.clk(clk), .ce(ce), .rst(rst), .d({SIGNEDB, operand_b}), .q(b));

  // An operand with one bit more, its sign or zero, is a signed number in either case.
  wire signed [18:0] signed_a = {a[18] & a[17], a[17:0]};
  wire signed [18:0] signed_b = {b[18] & b[17], b[17:0]};
  wire signed [37:0] product = signed_a * signed_b;
  wire [36:0] piped, result;
  takt_dsp_register #(.WIDTH(37), .CLOCK(REG_PIPELINE_CLK), .ENABLE(REG_PIPELINE_CE), .RESET(REG_PIPELINE_RST),
      .RESETMODE(RESETMODE)) pipeline (.clk(clk), .ce(ce), .rst(rst), .d({a[18] | b[18], product[35:0]}), .q(piped));
  takt_dsp_register #(.WIDTH(37), .CLOCK(REG_OUTPUT_CLK), .ENABLE(REG_OUTPUT_CE), .RESET(REG_OUTPUT_RST),
      .RESETMODE(RESETMODE)) outputs (.clk(clk), .ce(ce), .rst(rst), .d(piped), .q(result));

  assign {SIGNEDP,
      P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16,
      P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = result;
  assign {SROA17, SROA16, SROA15, SROA14, SROA13, SROA12, SROA11, SROA10, SROA9, SROA8, SROA7, SROA6, SROA5, SROA4,
      SROA3, SROA2, SROA1, SROA0} = a[17:0];
  assign {SROB17, SROB16, SROB15, SROB14, SROB13, SROB12, SROB11, SROB10, SROB9, SROB8, SROB7, SROB6, SROB5, SROB4,
      SROB3, SROB2, SROB1, SROB0} = b[17:0];
  assign {ROA17, ROA16, ROA15, ROA14, ROA13, ROA12, ROA11, ROA10, ROA9, ROA8, ROA7, ROA6, ROA5, ROA4, ROA3, ROA2,
      ROA1, ROA0} = a[17:0];
  assign {ROB17, ROB16, ROB15, ROB14, ROB13, ROB12, ROB11, ROB10, ROB9, ROB8, ROB7, ROB6, ROB5, ROB4, ROB3, ROB2,
      ROB1, ROB0} = b[17:0];
  assign {ROC17, ROC16, ROC15, ROC14, ROC13, ROC12, ROC11, ROC10, ROC9, ROC8, ROC7, ROC6, ROC5, ROC4, ROC3, ROC2,
      ROC1, ROC0} = 18'd0;
endmodule

`default_nettype wire
