/// What one peer may ask of the other's memory. All are checked before memory is taken.
///
/// The protocol gives every peer the defaults of the first three: who sets them lower refuses peers that keep it.
package struct ProtocolLimits: Sendable {
    /// Bytes of a frame's payload, 1 to 2^32 - 1.
    package var frameLength = 1 << 20
    /// Requests of one direction that may be open at once in version 2, 1 or more. In version 1 it is one.
    package var openRequests = 32
    /// Bytes of requests that may wait for their answers, ``frameLength`` or more: 32 whole frames would be too much.
    package var unansweredBytes = 4 << 20
    /// Arrays and objects inside each other in a message, 1 or more. The levels that a message puts around the metadata
    /// of an element are not counted: an element that can be stored can be offered.
    package var jsonDepth = 32
    /// Elements of one page of a listing, 1 or more.
    package var elementsPerPage = 1000
    /// Bytes at which the server ends a page of a listing, 1 to `frameLength`.
    package var pageSize = 512 << 10
    /// Bytes of an element's ID or of a listing's cursor, 1 or more.
    package var idLength = 4096

    package init() {}
}
