/** A template that is no Jinja. */
export class TemplateSyntaxError extends Error {
  override readonly name: string = "TemplateSyntaxError";
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** A template that cannot be rendered with what it was given; Jinja and Python fail here too. */
export class TemplateError extends Error {
  override readonly name: string = "TemplateError";
}

/** A template that asks for more than a rendering may take. */
export class TemplateLimitError extends TemplateError {
  override readonly name: string = "TemplateLimitError";
}

/** `raise_exception` of a template: the template's author speaks. */
export class TemplateRaised extends Error {
  override readonly name: string = "TemplateRaised";
}
