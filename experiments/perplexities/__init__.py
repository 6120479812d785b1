"""Word-level language models on a text in Penn Treebank's layout, beside the perplexities that their papers published."""
