"""Text towers: tokens -> one feature per text.

Source:  Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, 2.4.
Names:   of parameters as in the published weights.
Legend:  N texts, T tokens up to the context, E length of the feature.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kaoiro.nn.clip_sizes import Gelu, TextSizes
from kaoiro.nn.transformer import Transformer


class TextTower(nn.Module):
    """A causal transformer, read at the token that ends the text, and a projection. (N, T) ids -> (N, E).

    The end is where the highest id stands first; what follows it is padding and, by the causal mask, never read. So
    texts may also be given cut to the longest of them.

    Args:
        vocabulary: number of token ids.
        width: of a token's features.
        layers: blocks of the transformer.
        heads: of its attention.
        context: tokens of the longest text, start and end included.
        embed: E.
        gelu: activation of the transformer.

    Raises:
        InputError: there is no tower of such sizes.
    """

    def __init__(
        self,
        vocabulary: int,
        width: int = 128,
        layers: int = 4,
        heads: int = 4,
        context: int = 32,
        embed: int = 128,
        gelu: Gelu = "quick",
    ) -> None:
        super().__init__()
        TextSizes(vocabulary, width, layers, heads, context).check()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width))
        self.transformer = Transformer(width, layers, heads, causal=True, gelu=gelu)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, embed))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=width**-0.5)

    @property
    def context(self) -> int:
        """Tokens of the longest text, start and end included."""
        return len(self.positional_embedding)

    def states(self, tokens: Tensor) -> Tensor:
        """Return the features of every token, before the projection: (N, T) ids -> (N, T, width)."""
        if tokens.shape[1] > self.context:
            raise ValueError(f"texts of {tokens.shape[1]} tokens; this tower reads up to {self.context}")
        x = self.token_embedding(tokens) + self.positional_embedding[: tokens.shape[1]]
        return self.ln_final(self.transformer(x))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return one feature per text, not normalised: (N, T) ids -> (N, E)."""
        states = self.states(tokens)
        ends = states[torch.arange(tokens.shape[0], device=tokens.device), tokens.argmax(dim=1)]
        return ends @ self.text_projection
