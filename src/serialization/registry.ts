/**
 * The serializers and compressions of one app: found by name or MIME type, loaded before they are used, and refused where
 * the accept list does not have them. What each does with bytes is its own file's matter.
 */
import { Buffer } from 'node:buffer'
import { ContentDisallowed, DecodeError, EncodeError, ImproperlyConfigured, SerializationError } from '../errors.ts'
import type { Body, Message } from '../protocol/message.ts'
import { didYouMean } from '../util/suggest.ts'
import { messageOf, textOf } from './body.ts'
import { decompress, standardCompressions } from './compression.ts'
import type { Compression, CompressionSource } from './compression.ts'
import { json } from './json.ts'
import { Loadable } from './loadable.ts'
import { MSGPACK, loadMsgpack } from './msgpack.ts'
import { pickle } from './pickle.ts'
import type { Serializer } from './serializer.ts'
import { YAML, loadYaml } from './yaml.ts'

export interface SerializationOptions {
  /** A compressed body may become so many bytes and no more. Default 268435456 (256 MiB). */
  readonly maxBytes?: number
  /** Modules of optional packages, by package name, for programs that are bundled into one file. */
  readonly modules?: Readonly<Record<string, unknown>>
}

/** A serializer that needs to be loaded before it can be used. */
export interface SerializerSource extends Pick<Serializer, 'name' | 'contentType' | 'contentEncoding'> {
  load(): Promise<Serializer>
}

/** A body and what a message must say about it. */
export interface EncodedBody {
  readonly body: Body
  readonly contentType: string
  readonly contentEncoding: string
  /** The MIME type for the header `compression`, if the body is compressed. */
  readonly compression: string | undefined
}

/** Who decodes a content type; undefined where its bodies are text or bytes as they are. */
interface Decoder {
  serializer: Loadable<Serializer> | undefined
}

const RAW = 'raw'
const RAW_TYPE = 'application/data'
const TEXT_TYPE = 'text/plain'
/** Always accepted: nothing in text or bytes can do harm. */
const TRUSTED: readonly string[] = [RAW_TYPE, 'application/text']
const MAX_BYTES = 256 * 1024 * 1024

/** Which content types are decoded; made by `SerializationRegistry.acceptList`. */
export class AcceptList {
  readonly #decoders: ReadonlyMap<string, Decoder>
  /** The setting to change, for errors. */
  readonly setting: string

  constructor(decoders: ReadonlyMap<string, Decoder>, setting: string) {
    this.#decoders = decoders
    this.setting = setting
  }

  get contentTypes(): string[] {
    return [...this.#decoders.keys()]
  }

  /** Undefined where the content type is refused. */
  find(contentType: string): Decoder | undefined {
    return this.#decoders.get(contentType)
  }
}

export class SerializationRegistry {
  readonly #maxBytes: number
  /** By name and alias. */
  readonly #serializers = new Map<string, Loadable<Serializer>>()
  /** By content type. Accept lists hold these, so they stay and are changed when a serializer is registered. */
  readonly #decoders = new Map<string, Decoder>()
  /** By name, alias and MIME type. */
  readonly #compressions = new Map<string, Loadable<Compression>>()

  constructor(options: SerializationOptions = {}) {
    const { maxBytes = MAX_BYTES, modules = {} } = options
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
      throw new ImproperlyConfigured(`maxBytes must be a whole number of bytes, at least 1, not ${String(maxBytes)}`)
    }
    this.#maxBytes = maxBytes
    this.register(json)
    this.register(pickle)
    this.register({ ...YAML, load: () => loadYaml(modules['yaml']) })
    this.register({ ...MSGPACK, load: () => loadMsgpack(modules['@msgpack/msgpack']) })
    for (const known of standardCompressions(modules['@bokuweb/zstd-wasm'])) this.registerCompression(known)
  }

  /** Add a serializer. It takes the place of another one with the same name, and decodes its content type from now on. */
  register(serializer: Serializer | SerializerSource, aliases: readonly string[] = []): void {
    const loadable = new Loadable<Serializer>('serializer', serializer)
    for (const name of [serializer.name, ...aliases]) this.#serializers.set(name, loadable)
    this.#decoderFor(serializer.contentType).serializer = loadable
  }

  /** Add a compression. It takes the place of another one with the same name or MIME type. */
  registerCompression(compression: Compression | CompressionSource): void {
    const { name, aliases = [], contentType } = compression
    const loadable = new Loadable<Compression>('compression', compression)
    for (const key of [name, ...aliases, contentType]) this.#compressions.set(key, loadable)
  }

  /**
   * Load serializers and compressions by name or MIME type, so that they can be used from now on; null and undefined are
   * left out. Call it for all that the settings name, and before using one that they do not. Rejects with `MissingDriver`
   * where a package is not installed, with `ImproperlyConfigured` for a name that is not known.
   */
  async load(names: Iterable<string | null | undefined>): Promise<void> {
    for (const name of names) {
      if (name === null || name === undefined || name === RAW) continue
      const found = this.#find(name)
      if (found !== undefined) await found.load()
      // A content type that no serializer is for needs none: its bodies stay as they are.
      else if (!name.includes('/')) throw this.#unknown('serializer or compression', name, this.#allNames())
    }
  }

  /** Load every compression that can be loaded here, for messages that come from others. Never rejects. */
  async loadCompressions(): Promise<void> {
    for (const compression of new Set(this.#compressions.values())) {
      // What is missing is said when a message needs it.
      await compression.load().catch(() => undefined)
    }
  }

  /** May this serializer or compression be used without `load`? False for names that are not known. */
  isLoaded(name: string): boolean {
    return name === RAW || this.#find(name)?.ready !== undefined
  }

  /** A serializer by name. Throws `ImproperlyConfigured` where it is not known or not loaded. */
  serializer(name: string): Serializer {
    return this.#serializers.get(name)?.ready ?? this.#refuseSerializer(name)
  }

  /**
   * Encode a body with the serializer and the compression of these names. Without a serializer, text and bytes go as they
   * are and all else as JSON, as in kombu; `raw` takes text and bytes only. Throws `EncodeError` for a value that has no
   * form, `ImproperlyConfigured` for a name that is not known or not loaded.
   */
  encodeBody(value: unknown, serializerName: string | undefined, compressionName?: string): EncodedBody {
    const encoded = this.#encode(value, serializerName)
    return compressionName === undefined ? encoded : this.#compress(encoded, compressionName)
  }

  /**
   * Decode the body of a message; `compression` is what its header of that name says. Throws `ContentDisallowed` where
   * the accept list does not have its content type, before looking at the body; `DecodeError` for all else.
   */
  decodeBody(
    message: Pick<Message, 'body' | 'contentType' | 'contentEncoding'>,
    compression: string | undefined,
    accept: AcceptList,
  ): unknown {
    const contentType = message.contentType === '' ? RAW_TYPE : message.contentType
    const decoder = accept.find(contentType)
    if (decoder === undefined) throw this.#refuseContent(contentType, accept)
    const body = compression === undefined ? message.body : this.#decompress(message.body, compression)
    const { serializer } = decoder
    if (serializer === undefined) return decodeRaw(body, message.contentEncoding)
    if (serializer.ready === undefined) throw serializer.notLoaded(DecodeError)
    return decodeWith(serializer.ready, body)
  }

  /**
   * The content types of these serializers; MIME types are taken as they are, whether a serializer is known for them or
   * not. `application/data` and `application/text` are always accepted. `setting` is named in errors. Throws
   * `ImproperlyConfigured` for a name that is not known.
   */
  acceptList(names: Iterable<string>, setting: string = 'acceptContent'): AcceptList {
    const decoders = new Map<string, Decoder>()
    for (const name of [...names, ...TRUSTED]) {
      const contentType = name.includes('/') ? name : this.#contentTypeOf(name)
      decoders.set(contentType, this.#decoderFor(contentType))
    }
    return new AcceptList(decoders, setting)
  }

  #find(name: string): Loadable<Serializer> | Loadable<Compression> | undefined {
    return this.#serializers.get(name) ?? this.#decoders.get(name)?.serializer ?? this.#compressions.get(name)
  }

  #contentTypeOf(name: string): string {
    if (name === RAW) return RAW_TYPE
    return this.#serializers.get(name)?.contentType ?? this.#refuseSerializer(name)
  }

  #decoderFor(contentType: string): Decoder {
    const known = this.#decoders.get(contentType)
    if (known !== undefined) return known
    const decoder: Decoder = { serializer: undefined }
    this.#decoders.set(contentType, decoder)
    return decoder
  }

  #encode(value: unknown, serializerName: string | undefined): EncodedBody {
    const isRaw = serializerName === undefined || serializerName === RAW
    if (isRaw && typeof value === 'string') {
      return encoded(value, serializerName === undefined ? TEXT_TYPE : RAW_TYPE, 'utf-8')
    }
    if (isRaw && value instanceof Uint8Array) return encoded(value, RAW_TYPE, 'binary')
    if (serializerName === RAW) throw new EncodeError('The serializer raw takes text and bytes only')
    const serializer = this.serializer(serializerName ?? json.name)
    return encoded(encodeWith(serializer, value), serializer.contentType, serializer.contentEncoding)
  }

  #compress(plain: EncodedBody, name: string): EncodedBody {
    const compression = this.#compressions.get(name)
    if (compression === undefined) throw this.#unknown('compression', name, this.#compressions.keys())
    if (compression.ready === undefined) throw compression.notLoaded(ImproperlyConfigured)
    const bytes = typeof plain.body === 'string' ? Buffer.from(plain.body) : plain.body
    try {
      return { ...plain, body: compression.ready.compress(bytes), compression: compression.contentType }
    } catch (error) {
      throw new EncodeError(`The compression ${compression.name} failed: ${messageOf(error)}`, { cause: error })
    }
  }

  #decompress(body: Body, name: string): Uint8Array {
    const compression = this.#compressions.get(name)
    if (compression === undefined) throw new DecodeError(`The compression ${JSON.stringify(name)} is not known`)
    if (compression.ready === undefined) throw compression.notLoaded(DecodeError)
    // Compressed bytes in a string came through something that takes bytes for Latin-1.
    return decompress(compression.ready, typeof body === 'string' ? Buffer.from(body, 'latin1') : body, this.#maxBytes)
  }

  #refuseContent(contentType: string, accept: AcceptList): ContentDisallowed {
    const name = this.#decoders.get(contentType)?.serializer?.name
    return new ContentDisallowed(
      `Refusing to decode content of type ${name === undefined ? contentType : `${name} (${contentType})`}; ` +
        `to accept it, add "${name ?? contentType}" to the setting ${accept.setting}`,
    )
  }

  #refuseSerializer(name: string): never {
    const serializer = this.#serializers.get(name)
    if (serializer === undefined) throw this.#unknown('serializer', name, this.#serializers.keys())
    throw serializer.notLoaded(ImproperlyConfigured)
  }

  #unknown(what: string, name: string, known: Iterable<string>): ImproperlyConfigured {
    const names = [...known].filter((other) => !other.includes('/'))
    const hint = didYouMean(name, names)
    return new ImproperlyConfigured(
      `There is no ${what} "${name}"${hint === '' ? `; there are: ${names.join(', ')}` : hint}`,
    )
  }

  #allNames(): string[] {
    return [...this.#serializers.keys(), ...this.#compressions.keys()]
  }
}

function encoded(body: Body, contentType: string, contentEncoding: string): EncodedBody {
  return { body, contentType, contentEncoding, compression: undefined }
}

function encodeWith(serializer: Serializer, value: unknown): Body {
  try {
    return serializer.encode(value)
  } catch (error) {
    if (error instanceof SerializationError) throw error
    throw new EncodeError(`The serializer ${serializer.name} failed: ${messageOf(error)}`, { cause: error })
  }
}

function decodeWith(serializer: Serializer, body: Body): unknown {
  try {
    return serializer.decode(body)
  } catch (error) {
    if (error instanceof SerializationError) throw error
    throw new DecodeError(`The serializer ${serializer.name} failed: ${messageOf(error)}`, { cause: error })
  }
}

/** Bytes stay bytes where the content encoding says so; all else is text in that encoding. */
function decodeRaw(body: Body, contentEncoding: string): unknown {
  const encoding = contentEncoding.toLowerCase()
  if (typeof body === 'string' || encoding === 'binary' || encoding === 'ascii-8bit') return body
  if (encoding === '' || encoding === 'utf-8') return textOf(body)
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(body)
  } catch (error) {
    throw new DecodeError(`The body cannot be read as ${encoding}: ${messageOf(error)}`, { cause: error })
  }
}
