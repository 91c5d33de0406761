"""The container images: what each is made of, how it is built, and where the presets find it."""
