"""What explore.json holds, in the order in which the report tells it."""

from pydantic import Field

from steps.figures import Part, Rounded


class Accounting(Part):
    """What became of every image that was found: found = left_out + unusable + unreadable + packed."""

    found: int = Field(description="images found in the source")
    left_out: int = Field(description="good images that the catalog's settings leave out")
    unusable: int = Field(description="images the catalog quarantined, such as those without a label")
    unreadable: int = Field(description="images ingest quarantined, because no pixels could be read from them")
    packed: int = Field(description="images in the train, validation and test shards")


class ClassImages(Part):
    """Images of one class."""

    name: str = Field(alias="class")
    images: dict[str, int] = Field(description="packed images by split")
    share: Rounded = Field(description="of all packed images, 0 to 1")


class Published(Part):
    """This dataset's class shares beside the published ones of the whole Amazon Bin Image Dataset."""

    shares: dict[str, Rounded] = Field(description="published share of each class among these classes, 0 to 1")
    distance: Rounded = Field(description="share of images that would need another class to match, 0 to 1")


class Colour(Part):
    """A dominant colour."""

    rgb: str = Field(description="sRGB, such as #c8a028")
    share: Rounded = Field(description="of the sampled pixels that are nearest to it, 0 to 1")


class Spread(Part):
    """Where the middle of the images lies: a tenth of them is below `low`, a tenth above `high`."""

    low: Rounded
    median: Rounded
    high: Rounded


class ClassLook(Part):
    """What a sample of one class's training images looks like, as packed."""

    name: str = Field(alias="class")
    measured: int = Field(description="images in the sample")
    brightness: Spread = Field(description="mean luma of an image, 0 is black, 255 white")
    sharpness: Spread = Field(description="variance of an image's Laplacian; low is blurred")
    colours: tuple[Colour, ...] = Field(description="by k-means, the commonest first")


class Histogram(Part):
    """Images by the value of a quantity; bin i reaches from edge i to edge i + 1."""

    edges: tuple[Rounded, ...]
    images: tuple[int, ...]
    median: Rounded


class Originals(Part):
    """Sizes of a sample of the images as they lie in the source, upright."""

    sampled: int
    unreadable: int = Field(description="images of the sample whose header tells no size")
    width: Histogram | None = Field(description="pixels")
    height: Histogram | None = Field(description="pixels")
    aspect: Histogram | None = Field(description="width divided by height")


class GroupSize(Part):
    """Groups of so many images."""

    size: str = Field(description="images per group, such as 2 or 3-5")
    groups: int
    images: int


class Groups(Part):
    """Images that show the same things belong to one group, which must not be divided between splits."""

    groups: int
    largest: int = Field(description="images of the largest group")
    divided: int = Field(description="groups with images in more than one split; any makes the test figures too good")
    sizes: tuple[GroupSize, ...]


class Reason(Part):
    """Why images were quarantined."""

    step: str = Field(description="catalog or ingest")
    reason: str = Field(description="of the first of them; those that differ only in numbers are counted together")
    images: int
    example: str = Field(description="URI of the first of them")


class Findings(Part):
    """The content of explore.json."""

    source: str = Field(description="URI the images were listed at")
    size: int = Field(description="height and width of the packed images, pixels")
    resize: str = Field(description="how images came to that size")
    accounting: Accounting
    classes: tuple[ClassImages, ...]
    drift: Rounded = Field(description="largest difference of a class's share between a split and the whole, 0 to 1")
    published: Published | None = Field(description="where the classes are counts that have published figures")
    looks: tuple[ClassLook, ...] = Field(description="of the classes that have training images")
    originals: Originals
    groups: Groups
    quarantine: tuple[Reason, ...] = Field(description="the commonest reasons first")
    other_reasons: int = Field(description="quarantined images whose reason is too rare to be listed")
