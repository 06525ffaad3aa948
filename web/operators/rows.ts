/** One line of a table: its element, and how it takes a new value. */
export interface Row<T> {
  readonly element: HTMLElement;
  update(item: T): void;
}

/** Table rows kept by key, so that a button under the pointer or a half-written reason survives each second's update. */
export class Rows<T> {
  private readonly rows = new Map<string, Row<T>>();

  constructor(
    private readonly body: HTMLElement,
    private readonly keyOf: (item: T) => string,
    private readonly create: (item: T) => Row<T>,
  ) {}

  show(items: readonly T[]): void {
    const keys = new Set(items.map(this.keyOf));
    for (const [key, row] of this.rows) {
      if (!keys.has(key)) this.remove(key, row);
    }
    items.forEach((item, place) => this.place(item, place));
  }

  private remove(key: string, row: Row<T>): void {
    row.element.remove();
    this.rows.delete(key);
  }

  private place(item: T, place: number): void {
    const key = this.keyOf(item);
    const row = this.rows.get(key) ?? this.create(item);
    this.rows.set(key, row);
    row.update(item);
    const there = this.body.children[place];
    if (there !== row.element) this.body.insertBefore(row.element, there ?? null);
  }
}
