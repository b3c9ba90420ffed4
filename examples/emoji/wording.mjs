// Words for the captions: what each kind of picture is called, and the sentences.

/** Kinds of picture: which emoji subgroups they take, and their names. `counter` is the Chinese measure word. */
export const KINDS = {
  smileys: { subgroups: /^face-(?!costume)/, en: "smiley", zh: "圆脸表情", counter: "一个" },
  cats: { subgroups: /^(cat|monkey)-face$/, en: "animal face", zh: "动物表情", counter: "一个" },
  creatures: { subgroups: /^face-costume$/, en: "creature", zh: "角色", counter: "一个" },
  hearts: { subgroups: /^heart$/, en: "heart", zh: "爱心", counter: "一个" },
  animals: { subgroups: /^animal-/, en: "animal", zh: "动物", counter: "一只" },
  plants: { subgroups: /^plant-/, en: "plant", zh: "植物", counter: "一株" },
  fruit: { subgroups: /^food-fruit$/, en: "fruit", zh: "水果", counter: "一份" },
  food: { subgroups: /^(food-(?!fruit)|drink)/, en: "food", zh: "食物", counter: "一份" },
  flags: { subgroups: /^$/, en: "flag", zh: "旗帜", counter: "一面", flat: true },
};

/** The year in which an emoji version was published. */
export const YEARS = {
  0.6: 2010,
  0.7: 2014,
  1: 2015,
  2: 2015,
  3: 2016,
  4: 2016,
  5: 2017,
  11: 2018,
  12: 2019,
  12.1: 2019,
  13: 2020,
  13.1: 2020,
  14: 2021,
  15: 2022,
  15.1: 2023,
  16: 2024,
  17: 2025,
};

/** The words that are there, each once. */
export function unique(words) {
  return [...new Set(words.filter(Boolean))];
}

/** Labels that need other words inside a sentence. */
const SPOKEN = {
  "star-struck": "star-struck face",
  "rolling on the floor laughing": "laughing face rolling on the floor",
  ewe: "female sheep",
};

export function zhSentence({ kind, zh }) {
  if (kind === "flags") return `一面平面的${zh}旗帜，铺满整个画面。`;
  const { zh: noun, counter } = KINDS[kind];
  return `${counter}立体的${noun}：${zh}，白色背景。`;
}

export function enSentence({ kind, en }) {
  if (kind === "flags") return `The flag of ${withThe(en)}, flat, filling the whole picture.`;
  return `A 3D picture of ${withArticle(SPOKEN[en] ?? en)} on a white background.`;
}

/** "a grinning face", "an orange heart", "two hearts", "grapes". */
function withArticle(name) {
  const head = name.split(/ (?:with|without|of|in|on|from|holding) /)[0];
  const isPlural =
    /^(two|three|revolving) /.test(name) || (/s$/.test(head) && !/(ss|us|is|rhinoceros)$/.test(head));
  if (isPlural) return name;
  return /^[aeio]|^u(?!ni)/i.test(name) ? `an ${name}` : `a ${name}`;
}

/** "the Bahamas", "Japan". */
function withThe(country) {
  return /(Islands|United|Republic|Netherlands|Bahamas|Philippines|Territories|Union|Isle|Vatican|Emirates)/.test(
    country,
  )
    ? `the ${country}`
    : country;
}
