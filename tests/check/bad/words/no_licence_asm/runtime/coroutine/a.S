    .text
