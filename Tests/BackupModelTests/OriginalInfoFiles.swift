/// Four `.info` files as release 0.5.0 of the original wrote them.
let originalInfoFiles = [
    #"{"BackupType": "full", "DataUuid": "WayP9EsqMM04wj5SXxJhNYl55/qoxdj1Bw6wOD96GEkc5/SfpY40nL5etFTihS5S"#
        + #"bJSLT87WAXi/UMXU1QVBIA==", "HandlingPolicy": ["default"], "StorageFileChecksumSha512": "Ju2NpYtLa+CM"#
        + #"DV7a89+4FwbnAPwKlKxZBTqwXn+Vtyy5jn9V6m6FOSwVbfBvpRUA841MMRwyTr/XZPj47fcsSQ==", "Timestamp": 17952200"#
        + #"58}"#,
    #"{"BackupType": "full", "DataUuid": "ZwZyStHvmZ443VyU4coB8Epbjfhsmr++55sWDEBHOFkTTEdrqt4DppYY/cI2XwWY"#
        + #"COlA8UPHj4hQuCFzsXDxrA==", "Predecessor": "jyOPYkvcCOkA+uXQ7vQbszZ9QGLWGIsO5GUm4azIslF0yF0h+vvcc0dJy"#
        + #"ZUQdHbIdQpmmwe8TreRR12orCGVEg==", "StorageFileChecksumSha512": "5KSpzpKH1nhm9sfQzQGurLxc23FYfkNIJRVe"#
        + #"60JLNg3pnOJqSbTSlzameVujtOUHSV/7kbkmsxHASiozggsRlg==", "Timestamp": 1795220058}"#,
    #"{"BackupType": "full", "DataUuid": "jyOPYkvcCOkA+uXQ7vQbszZ9QGLWGIsO5GUm4azIslF0yF0h+vvcc0dJyZUQdHbI"#
        + #"dQpmmwe8TreRR12orCGVEg==", "StorageFileChecksumSha512": "5VyAFuo14TVaw3RME24c/v47t2QYeHzZn6p9/JT//8W"#
        + #"gFFbf691PEhytisEe95iPP1idoMtFob+b6zc9M7pGOQ==", "Timestamp": 1795220058}"#,
    #"{"BackupType": "inc", "DataUuid": "BNMeUmMgNDH/ow54ddOUbvrmJR6Vw+Kc6RFbop8fdCEEB8S1hz+AmMo/84tjUSjmG"#
        + #"IU2c+XhkGwsPURZ57LnCA==", "HandlingPolicy": ["default"], "Predecessor": "WayP9EsqMM04wj5SXxJhNYl55/q"#
        + #"oxdj1Bw6wOD96GEkc5/SfpY40nL5etFTihS5SbJSLT87WAXi/UMXU1QVBIA==", "StorageFileChecksumSha512": "Hb1zil"#
        + #"ealT67PUjhNoi/DCem36k8g3w0twY6d4jdGgNG6MjdjDQnFiRTQMa7EKOHK9KwP31LtIakZek9pPqtbQ==", "Timestamp": 17"#
        + #"95220060}"#,
]
