/** A template that does not parse. */
export class TemplateSyntaxError extends Error {
  override readonly name: string = "TemplateSyntaxError";
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** A template that cannot be rendered with its input; Jinja fails here, too. */
export class TemplateError extends Error {
  override readonly name: string = "TemplateError";
}

/** A template that goes beyond a limit of one rendering. */
export class TemplateLimitError extends TemplateError {
  override readonly name: string = "TemplateLimitError";

  constructor(what: string, limit: number) {
    super(`expected at most ${limit} ${what}, got more`);
  }
}

/** An error that the template raised itself with `raise_exception`. */
export class TemplateRaised extends Error {
  override readonly name: string = "TemplateRaised";
}
