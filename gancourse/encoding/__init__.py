"""Training functions of notebook 15: five roads from an image to a code, and back.

| module | road |
|---|---|
| :mod:`~gancourse.encoding.auto` | encoder and decoder, with or without a prior for the code: autoencoder, VAE |
| :mod:`~gancourse.encoding.told` | the same, with a label for the encoder, for the decoder, or for both |
| :mod:`~gancourse.encoding.inverse` | a fixed generator, inverted by an encoder, by descent in z, or by both |
| :mod:`~gancourse.encoding.pairs` | encoder and generator trained together by a discriminator of pairs: BiGAN |
| :mod:`~gancourse.encoding.tokens` | words of a codebook, and a model of which word follows: VQ-VAE, VQ-GAN |

:mod:`~gancourse.encoding.both` holds what they share. Everything is trained on the device of its images.
"""
